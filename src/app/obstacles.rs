//! Mistakes that prevent a start, collected.

use crate::settings::Mistake;
use flow_model::diagnostic::causes;
use std::error::Error;

/// Mistakes that prevent a start.
#[derive(Default)]
pub(super) struct Obstacles(pub(super) Vec<Mistake>);

impl Obstacles {
    /// Adds an option that cannot be put into effect, and why.
    pub(super) fn add(&mut self, option: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Mistake::Conflict { option: option.into(), problem: problem.into() });
    }

    /// Returns the value, or adds the error as an obstacle of `option`.
    pub(super) fn or<T, E: Error + 'static>(&mut self, option: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(option, causes(&error))).ok()
    }
}

//! The TLS options of a router.

use super::build::Build;
use super::objects::HttpDependency;
use super::tls_options::{DEFAULT, Outcome, default_name};
use crate::tls::check_options;
use flow_model::config::{Router, RouterTls};
use flow_model::name::{Name, qualify};
use std::sync::Arc;

impl Build<'_, '_> {
    /// The options that a TLS connection must have been made with; empty for a router of plain connections.
    pub(super) fn tls_options(&mut self, router: &Router) -> Option<Name> {
        let Some(tls) = &router.tls else { return Some(Name::default()) };
        let wanted = self.wanted_tls_options(tls)?;
        let conflicts = &self.placed.conflicts;
        self.errors.extend(conflicts.iter().map(|conflict| conflict.message.clone()));
        let is = |outcome| conflicts.iter().any(|conflict| conflict.outcome == outcome);
        if is(Outcome::Refused) {
            None
        } else if is(Outcome::Default) {
            Some(default_name())
        } else {
            Some(wanted)
        }
    }

    fn wanted_tls_options(&mut self, tls: &RouterTls) -> Option<Name> {
        if tls.options.is_empty() || &*tls.options == DEFAULT {
            return Some(default_name());
        }
        let name = qualify(&tls.options, self.provider);
        let options = self.with.lookup.tls_options(&name).cloned();
        self.dependencies.push(HttpDependency::TlsOptions(Arc::clone(&name), options.clone()));
        let usable = match &options {
            None => Err(format!("building router handler: unknown TLS options: {name}")),
            Some(options) => self
                .with
                .checked_options
                .entry(Arc::clone(&name))
                .or_insert_with(|| check_options(options))
                .clone()
                .map_err(|reason| format!("building router handler: TLS options {name} cannot be used: {reason}")),
        };
        if let Err(error) = usable {
            self.errors.push(error);
            return None;
        }
        Some(name)
    }
}

//! Selects the fields that are written.

use std::borrow::Cow;
use std::collections::HashMap;

/// The treatment of a field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FieldMode {
    /// It is not written.
    Drop,
    /// It is written.
    #[default]
    Keep,
    /// `REDACTED` is written.
    Redact,
}

/// The text that `redact` writes.
pub(super) const REDACTED: &str = "REDACTED";

/// A rule for named things: one mode for each listed name, one for the others. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// For names not listed.
    pub default_mode: FieldMode,
    /// By name.
    pub names: HashMap<String, FieldMode>,
}

impl Rules {
    pub(super) fn mode(&self, name: &str) -> FieldMode {
        match self.names.get(name) {
            Some(mode) => *mode,
            None if self.names.is_empty() => self.default_mode,
            None => self.names.get(&name.to_ascii_lowercase()).copied().unwrap_or(self.default_mode),
        }
    }

    fn all(&self, wanted: FieldMode) -> bool {
        self.default_mode == wanted && self.names.values().all(|mode| *mode == wanted)
    }
}

/// Rules for the contents of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// The fields of the line.
    pub fields: Rules,
    /// Headers; Traefik drops them by default.
    pub headers: Rules,
    /// Parameters of the query string.
    pub query_parameters: Rules,
}

impl Default for Fields {
    fn default() -> Self {
        let headers = Rules { default_mode: FieldMode::Drop, ..Rules::default() };
        Self { fields: Rules::default(), headers, query_parameters: Rules::default() }
    }
}

impl Fields {
    pub(super) fn wants_headers(&self) -> bool {
        !self.headers.all(FieldMode::Drop)
    }

    /// `target` with its query filtered by the rules.
    pub(super) fn target<'a>(&self, target: &'a str) -> Cow<'a, str> {
        if self.query_parameters.all(FieldMode::Keep) {
            return Cow::Borrowed(target);
        }
        let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
        let kept: Vec<_> = query
            .split('&')
            .filter_map(|parameter| {
                let name = parameter.split('=').next().unwrap_or_default();
                match self.query_parameters.mode(name) {
                    FieldMode::Drop => None,
                    FieldMode::Keep => Some(Cow::Borrowed(parameter)),
                    FieldMode::Redact => Some(Cow::Owned(format!("{name}={REDACTED}"))),
                }
            })
            .collect();
        if kept.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(format!("{path}?{}", kept.join("&"))) }
    }
}

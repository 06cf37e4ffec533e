//! Selects the exchanges that are written, and their fields.

use super::Record;
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

/// An inclusive range of statuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl std::str::FromStr for StatusRange {
    type Err = std::num::ParseIntError;

    /// `404` or `400-499`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        Ok(Self { from: from.trim().parse()?, to: to.trim().parse()? })
    }
}

/// An exchange is written if any of these holds, or if none is set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filters {
    /// Its status is in one of these ranges.
    pub status_codes: Vec<StatusRange>,
    /// It was sent to a backend more than once.
    pub retry_attempts: bool,
    /// It took at least this long; zero means not set.
    pub min_duration: Duration,
}

impl Filters {
    pub(super) fn keep(&self, record: &Record<'_>) -> bool {
        if self.status_codes.is_empty() && !self.retry_attempts && self.min_duration.is_zero() {
            return true;
        }
        self.status_codes.iter().any(|range| (range.from..=range.to).contains(&record.status))
            || (self.retry_attempts && record.retries > 0)
            || (!self.min_duration.is_zero() && record.duration >= self.min_duration)
    }
}

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

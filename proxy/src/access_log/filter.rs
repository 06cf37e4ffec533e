//! Which exchanges and which of their fields are written.

use super::Record;
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
    /// Its status is in one of these.
    pub status_codes: Vec<StatusRange>,
    /// It was sent to a backend more than once.
    pub retry_attempts: bool,
    /// It took at least this long; zero is not set.
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

/// Whether a field is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FieldMode {
    /// It is not.
    Drop,
    /// It is.
    #[default]
    Keep,
}

/// Whether a header is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HeaderMode {
    /// It is not.
    #[default]
    Drop,
    /// It is.
    Keep,
    /// It is, as `REDACTED`.
    Redact,
}

/// Rules for fields; names are matched without regard to case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    /// For fields not named.
    pub default_mode: FieldMode,
    /// By name, in lower case.
    pub names: HashMap<String, FieldMode>,
    /// For headers not named.
    pub headers_default: HeaderMode,
    /// Headers by name, in lower case.
    pub headers: HashMap<String, HeaderMode>,
    /// Whether query strings are written.
    pub query_parameters: FieldMode,
}

impl Fields {
    pub(super) fn keep(&self, name: &str) -> bool {
        self.names.get(&name.to_ascii_lowercase()).copied().unwrap_or(self.default_mode) == FieldMode::Keep
    }

    /// `name` in lower case, as header maps have it.
    pub(super) fn header(&self, name: &str) -> HeaderMode {
        self.headers.get(name).copied().unwrap_or(self.headers_default)
    }

    pub(super) fn wants_headers(&self) -> bool {
        self.headers_default != HeaderMode::Drop || self.headers.values().any(|mode| *mode != HeaderMode::Drop)
    }

    /// `path` with its query as it may be written.
    pub(super) fn target<'a>(&self, target: &'a str) -> &'a str {
        match self.query_parameters {
            FieldMode::Keep => target,
            FieldMode::Drop => target.split_once('?').map_or(target, |(path, _)| path),
        }
    }
}

//! Selects the exchanges that are written.

use super::Record;
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

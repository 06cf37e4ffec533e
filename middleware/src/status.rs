//! Lists of statuses (`status` of `errors`, `retry` and failover services).

use crate::MiddlewareError;
use http::StatusCode;
use std::ops::RangeInclusive;

/// Statuses and ranges of them, such as `500` and `500-599`.
#[derive(Debug, Default)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Reads a list.
    ///
    /// # Errors
    /// `Statuses` if an entry is neither a status nor a range of statuses.
    pub fn new(entries: &[String]) -> Result<Self, MiddlewareError> {
        let range = |entry: &String| {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last && (100..=999).contains(&first)).then_some(first..=last)
        };
        let ranges = entries.iter().map(|entry| range(entry).ok_or_else(|| MiddlewareError::Statuses(entry.clone())));
        ranges.collect::<Result<_, _>>().map(Self)
    }

    /// True if it has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if an entry is this status, or a range with it.
    #[must_use]
    pub fn contains(&self, status: StatusCode) -> bool {
        self.0.iter().any(|range| range.contains(&status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn codes_and_ranges() {
        let statuses = Statuses::new(&["404".to_owned(), "500-599".to_owned()]).unwrap();
        for (status, is_in) in [(404, true), (403, false), (500, true), (599, true), (600, false)] {
            assert_eq!(statuses.contains(StatusCode::from_u16(status).unwrap()), is_in, "{status}");
        }
        for wrong in ["", "x", "500-", "599-500", "5xx", "7", "500,501"] {
            assert!(Statuses::new(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}

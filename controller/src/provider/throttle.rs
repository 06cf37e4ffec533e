//! The time of the next translation: the first change goes through at once, bursts are gathered.

use std::time::Duration;
use tokio::time::Instant;

/// The time for which changes are gathered.
const GATHER_TIME: Duration = Duration::from_millis(2);
/// The longest wait for the data plane to serve a version before the next one is made nevertheless.
const MAX_APPLY_TIME: Duration = Duration::from_millis(500);

/// The times and costs of the last translations.
#[derive(Debug)]
pub(super) struct Throttle {
    throttle: Duration,
    earliest: Option<Instant>,
    sent: Option<(u64, Instant)>,
}

impl Throttle {
    pub(super) const fn new(throttle: Duration) -> Self {
        Self { throttle, earliest: None, sent: None }
    }

    /// Records the begin and end of a translation.
    pub(super) fn translated(&mut self, began: Instant, ended: Instant) {
        let cost = ended.saturating_duration_since(began);
        self.earliest = Some((ended + cost.max(GATHER_TIME)).max(began + self.throttle));
    }

    /// Records that a version was handed on.
    pub(super) const fn sent(&mut self, version: u64, now: Instant) {
        self.sent = Some((version, now));
    }

    /// Returns the earliest time of the next translation, now that `applied` is being served. `None`: at once.
    pub(super) fn earliest(&self, applied: u64) -> Option<Instant> {
        let compiling = self.sent.filter(|(version, _)| *version > applied).map(|(_, at)| at + MAX_APPLY_TIME);
        self.earliest.max(compiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_goes_at_once_and_the_next_waits_as_long_as_the_last_took() {
        let start = Instant::now();
        let mut throttle = Throttle::new(Duration::ZERO);
        assert_eq!(throttle.earliest(0), None);
        throttle.translated(start, start + ms(40));
        assert_eq!(throttle.earliest(0), Some(start + ms(80)));
        throttle.translated(start + ms(100), start + ms(100));
        assert_eq!(throttle.earliest(0), Some(start + ms(100) + GATHER_TIME));
    }

    #[test]
    fn what_is_not_served_yet_is_waited_for_but_not_forever() {
        let start = Instant::now();
        let mut throttle = Throttle::new(Duration::ZERO);
        throttle.translated(start, start);
        throttle.sent(3, start);
        assert_eq!(throttle.earliest(2), Some(start + MAX_APPLY_TIME));
        assert_eq!(throttle.earliest(3), Some(start + GATHER_TIME));
    }

    #[test]
    fn a_throttle_counts_from_the_beginning() {
        let start = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(2));
        throttle.translated(start, start + ms(10));
        assert_eq!(throttle.earliest(0), Some(start + Duration::from_secs(2)));
    }
}

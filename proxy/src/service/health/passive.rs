//! The health of a server by the failures of clients' requests (`passiveHealthCheck`).

use flow_model::config::PassiveHealthCheck;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The failures that are too many.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Limit {
    /// The time within which failures count together, and for which the server is then down.
    window: Duration,
    /// Their number, at least one.
    failures: usize,
}

impl From<&PassiveHealthCheck> for Limit {
    fn from(config: &PassiveHealthCheck) -> Self {
        let failures = usize::try_from(config.max_failed_attempts).unwrap_or(1).max(1);
        Self { window: config.failure_window.0, failures }
    }
}

/// The failures of one server. A server without any costs a request one look at a flag.
#[derive(Debug, Default)]
pub(in crate::service) struct Passive {
    /// True if there are failures, or it is down.
    is_troubled: AtomicBool,
    troubles: Mutex<Troubles>,
}

#[derive(Debug, Default)]
struct Troubles {
    /// The times of failures since the last success, the oldest first.
    failures: VecDeque<Instant>,
    down: Option<Down>,
}

/// The time until which a server is down.
#[derive(Clone, Copy, Debug)]
enum Down {
    Until(Instant),
    /// Until there is another number of checks than this.
    NextCheck(u64),
}

impl Passive {
    /// True if the server is down at `now`, after so many checks of its probe.
    pub(in crate::service) fn is_down(&self, now: Instant, checks: u64) -> bool {
        if !self.is_troubled.load(Ordering::Relaxed) {
            return false;
        }
        let mut troubles = self.troubles.lock();
        let is_down = troubles.down.is_some_and(|down| match down {
            Down::Until(until) => now < until,
            Down::NextCheck(number) => checks == number,
        });
        if !is_down && troubles.down.take().is_some() && troubles.failures.is_empty() {
            self.is_troubled.store(false, Ordering::Relaxed);
        }
        is_down
    }

    /// Notes a response that is no failure.
    pub(in crate::service) fn succeeded(&self) {
        if self.is_troubled.load(Ordering::Relaxed) {
            let mut troubles = self.troubles.lock();
            troubles.failures.clear();
            self.is_troubled.store(troubles.down.is_some(), Ordering::Relaxed);
        }
    }

    /// Notes a failure at `now`; true if the server is down from now on. `checks` is the number of checks of its probe,
    /// if it has one, which then decides when it is up again.
    pub(in crate::service) fn failed(&self, limit: Limit, now: Instant, checks: Option<u64>) -> bool {
        let mut troubles = self.troubles.lock();
        self.is_troubled.store(true, Ordering::Relaxed);
        troubles.failures.push_back(now);
        while troubles.failures.len() > limit.failures
            || troubles.failures.front().is_some_and(|first| now.duration_since(*first) > limit.window)
        {
            troubles.failures.pop_front();
        }
        let is_new = troubles.failures.len() >= limit.failures && troubles.down.is_none();
        if is_new {
            troubles.down = Some(checks.map_or(Down::Until(now + limit.window), Down::NextCheck));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { window: Duration::from_secs(10), failures: 3 };

    /// The times of failures (`f`) and successes (`s`), in seconds, and the seconds at which the server is down.
    fn down_at(events: &[(u64, char)], seconds: &[u64]) -> Vec<u64> {
        let (passive, begun) = (Passive::default(), Instant::now());
        let mut events = events.iter().peekable();
        let mut down = Vec::new();
        for second in seconds {
            while let Some((at, kind)) = events.next_if(|(at, _)| at <= second) {
                match kind {
                    'f' => drop(passive.failed(LIMIT, begun + Duration::from_secs(*at), None)),
                    _ => passive.succeeded(),
                }
            }
            down.extend(passive.is_down(begun + Duration::from_secs(*second), 0).then_some(*second));
        }
        down
    }

    #[test]
    fn failures_within_the_window_take_it_out_for_as_long() {
        let seconds: Vec<u64> = (0..40).collect();
        let none = Vec::<u64>::new();
        assert_eq!(down_at(&[(1, 'f'), (2, 'f')], &seconds), none);
        assert_eq!(down_at(&[(1, 'f'), (2, 'f'), (3, 'f')], &seconds), (3..13).collect::<Vec<_>>());
        assert_eq!(down_at(&[(1, 'f'), (2, 'f'), (3, 's'), (4, 'f')], &seconds), none, "a success forgives");
        assert_eq!(down_at(&[(1, 'f'), (8, 'f'), (15, 'f')], &seconds), none, "the first is too old");
        let twice = [(1, 'f'), (2, 'f'), (3, 'f'), (20, 'f'), (21, 'f'), (22, 'f')];
        assert_eq!(down_at(&twice, &seconds), (3..13).chain(22..32).collect::<Vec<_>>());
    }

    #[test]
    fn a_probe_decides_when_it_is_up_again() {
        let (passive, now) = (Passive::default(), Instant::now());
        let limit = Limit::from(&PassiveHealthCheck::default());
        assert!(passive.failed(limit, now, Some(4)));
        assert!(!passive.failed(limit, now, Some(4)), "it is down already");
        let later = now + Duration::from_secs(3_600);
        assert!(passive.is_down(later, 4));
        assert!(!passive.is_down(later, 5));
    }
}

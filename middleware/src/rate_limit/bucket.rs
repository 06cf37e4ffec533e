//! The arithmetic of token buckets, following `golang.org/x/time/rate`.
//!
//! A bucket is one number: the time at which it would have held no token. Its tokens are the time since then divided by
//! the time per token, at most the burst.

use std::time::Duration;

/// The refill rate and the capacity of buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Nanoseconds per token.
    token: u64,
    /// Nanoseconds until an empty bucket is full.
    full: u64,
    /// The longest delay of a request.
    max_delay: Duration,
    /// Nanoseconds without a request after which a bucket can be forgotten.
    pub(super) idle: u64,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// It goes on.
    Pass,
    /// It is refused; after this time it would have passed.
    Refuse(Duration),
    /// It is refused, since nobody knows.
    Unknown,
    /// It goes on after this delay.
    Wait(Duration),
}

impl Rate {
    /// `average` requests in `period` (zero means a second), `burst` at once (at least one); `None` means no limit.
    pub(super) fn new(average: i64, period: Duration, burst: i64) -> Option<Self> {
        let period = if period.is_zero() { Duration::from_secs(1) } else { period };
        let average = u64::try_from(average).ok().filter(|average| *average > 0)?;
        let burst = u64::try_from(burst).unwrap_or_default().max(1);
        let per_second = average as f64 / period.as_secs_f64();
        let token = (1e9 / per_second) as u64;
        // Traefik's choices: half the time of a token, but at most half a second; and the time to live of a source.
        let max_delay = if per_second < 1.0 {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(1) / (per_second as u32).saturating_mul(2).max(1)
        };
        let idle_seconds = if per_second >= 1.0 { 2 } else { ((1.0 / per_second) as u64).saturating_add(1) };
        Some(Self {
            token,
            full: token.saturating_mul(burst),
            max_delay,
            idle: idle_seconds.saturating_mul(1_000_000_000),
        })
    }

    /// Tokens in a microsecond.
    pub(super) fn per_microsecond(&self) -> f64 {
        1e3 / self.token as f64
    }

    /// Requests that may come at once.
    pub(super) fn burst(&self) -> u64 {
        self.full / self.token.max(1)
    }

    /// Seconds without a request after which a bucket can be forgotten.
    pub(super) fn idle_seconds(&self) -> u64 {
        self.idle / 1_000_000_000
    }

    /// The longest delay of a request.
    pub(super) fn max_delay(&self) -> Duration {
        self.max_delay
    }

    /// The decision on a request whose token comes after `wait`.
    pub(super) fn decide(&self, wait: Duration) -> Decision {
        match wait {
            Duration::ZERO => Decision::Pass,
            wait if wait > self.max_delay => Decision::Refuse(wait),
            wait => Decision::Wait(wait),
        }
    }

    /// The state of a full bucket at `now`.
    pub(super) fn fresh(&self, now: u64) -> i128 {
        i128::from(now) - i128::from(self.full)
    }

    /// Takes a token at `now`, or in advance if the delay is short enough; a refused request takes none.
    pub(super) fn take(&self, empty_at: &mut i128, now: u64) -> Decision {
        let after = (*empty_at).max(self.fresh(now)) + i128::from(self.token);
        let owed = u64::try_from(after - i128::from(now)).unwrap_or_default();
        let delay = Duration::from_nanos(owed);
        let decision = self.decide(delay);
        if !matches!(decision, Decision::Refuse(_)) {
            *empty_at = after;
        }
        decision
    }
}

//! The arithmetic of token buckets, as `golang.org/x/time/rate` has it.
//!
//! A bucket is one number: the moment at which it would have held no token. Tokens are the time since then over the time
//! that one token takes, at most the burst.

use std::time::Duration;

/// How fast buckets fill, and how much they hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Nanoseconds that one token takes.
    token: u64,
    /// Nanoseconds that an empty bucket takes to be full.
    full: u64,
    /// The longest that a request waits.
    max_delay: Duration,
    /// Nanoseconds without a request after which a bucket is as new.
    pub(super) idle: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pass,
    /// It is refused; after this time it would have passed.
    Refuse(Duration),
    /// It goes on after this time.
    Wait(Duration),
}

impl Rate {
    /// `average` requests in `period` (zero is a second), `burst` at once (at least one); `None` is no limit.
    pub(super) fn new(average: i64, period: Duration, burst: i64) -> Option<Self> {
        let period = if period.is_zero() { Duration::from_secs(1) } else { period };
        let average = u64::try_from(average).ok().filter(|average| *average > 0)?;
        let burst = u64::try_from(burst).unwrap_or_default().max(1);
        let per_second = average as f64 / period.as_secs_f64();
        let token = (1e9 / per_second) as u64;
        // Traefik's choices: half the time of a token, but never more than half a second; and the time to live of a source.
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

    /// The state of a full bucket at `now`.
    pub(super) fn fresh(&self, now: u64) -> i128 {
        i128::from(now) - i128::from(self.full)
    }

    /// Takes a token at `now`, which may be owed; what is refused is not taken.
    pub(super) fn take(&self, empty_at: &mut i128, now: u64) -> Verdict {
        let after = (*empty_at).max(self.fresh(now)) + i128::from(self.token);
        let owed = u64::try_from(after - i128::from(now)).unwrap_or_default();
        let delay = Duration::from_nanos(owed);
        if delay > self.max_delay {
            return Verdict::Refuse(delay);
        }
        *empty_at = after;
        if owed == 0 { Verdict::Pass } else { Verdict::Wait(delay) }
    }
}

//! The states of a circuit breaker, as a function of time: standing by, tripped, recovering.

use std::time::Duration;

/// The state. Times are since the breaker was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Every request goes on.
    StandBy,
    /// None does, until then.
    Tripped { until: Duration },
    /// More and more do.
    Recovering { since: Duration, allowed: u64, denied: u64 },
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    Allowed,
    Denied,
}

impl State {
    /// Decides on a request. While it recovers, the share that goes on grows to one half of all at the end (the ratio
    /// controller of Traefik's library).
    pub(super) fn admit(&mut self, now: Duration, recovery: Duration) -> Admission {
        if let Self::Tripped { until } = *self {
            if now < until {
                return Admission::Denied;
            }
            *self = Self::Recovering { since: now, allowed: 0, denied: 0 };
        }
        let Self::Recovering { since, allowed, denied } = self else { return Admission::Allowed };
        let elapsed = now.saturating_sub(*since);
        if elapsed > recovery {
            *self = Self::StandBy;
            return Admission::Allowed;
        }
        let share = (*allowed + 1) as f64 / (*allowed + 1 + *denied) as f64;
        let target = if recovery.is_zero() { 0.0 } else { 0.5 * elapsed.as_secs_f64() / recovery.as_secs_f64() };
        if share < target {
            *allowed += 1;
            Admission::Allowed
        } else {
            *denied += 1;
            Admission::Denied
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_tripped_breaker_lets_nothing_through_and_then_more_and_more() {
        let mut state = State::Tripped { until: 10 * SECOND };
        assert_eq!(state.admit(9 * SECOND, 10 * SECOND), Admission::Denied);
        let mut shares = Vec::new();
        for second in 10..=20_u32 {
            let allowed = (0..100).filter(|_| state.admit(second * SECOND, 10 * SECOND) == Admission::Allowed).count();
            shares.push(allowed);
        }
        assert_eq!(shares[0], 0);
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1] + 1), "{shares:?}");
        let all: usize = shares.iter().sum();
        assert!((400..=550).contains(&all), "half of 1,100 at most: {shares:?}");
        assert_eq!(state.admit(21 * SECOND, 10 * SECOND), Admission::Allowed);
        assert_eq!(state, State::StandBy);
    }
}

//! The times that a server took to respond lately.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The number of responses that count (Traefik's).
const SAMPLES: usize = 100;

/// The times until the heads of the last responses, in whole milliseconds, as Traefik measures them. Without a lock:
/// what concurrent requests may get wrong is one sample.
#[derive(Debug)]
pub(super) struct ResponseTimes {
    samples: [AtomicU64; SAMPLES],
    sum: AtomicU64,
    count: AtomicUsize,
}

impl Default for ResponseTimes {
    fn default() -> Self {
        Self { samples: [const { AtomicU64::new(0) }; SAMPLES], sum: AtomicU64::new(0), count: AtomicUsize::new(0) }
    }
}

impl ResponseTimes {
    /// Adds the time of a response.
    pub(super) fn add(&self, elapsed: Duration) {
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX >> 16);
        let at = self.count.fetch_add(1, Ordering::Relaxed) % SAMPLES;
        let Some(sample) = self.samples.get(at) else { return };
        let before = sample.swap(milliseconds, Ordering::Relaxed);
        // Wraps where the new one is less, and the sum of both is right again.
        self.sum.fetch_add(milliseconds.wrapping_sub(before), Ordering::Relaxed);
    }

    /// The average in milliseconds; zero if there was no response.
    pub(super) fn average(&self) -> f64 {
        let count = self.count.load(Ordering::Relaxed).min(SAMPLES);
        if count == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "an average needs no more")]
        let average = self.sum.load(Ordering::Relaxed) as f64 / count as f64;
        average
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn the_last_hundred_count() {
        let times = ResponseTimes::default();
        assert_eq!(times.average(), 0.0);
        for _ in 0..50 {
            times.add(Duration::from_millis(30));
        }
        assert_eq!(times.average(), 30.0);
        for _ in 0..50 {
            times.add(Duration::from_micros(10_999));
        }
        assert_eq!(times.average(), 20.0);
        for _ in 0..100 {
            times.add(Duration::ZERO);
        }
        assert_eq!(times.average(), 0.0);
    }
}

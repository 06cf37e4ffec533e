//! One message when the API server goes, one when it is back: not one for each of the watches that notice.

use parking_lot::Mutex;
use std::fmt::Display;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{info, warn};

/// The state of an API server's absence, shared by all of its watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    failing: usize,
    since: Option<Instant>,
}

/// The health of the API server as one watch sees it.
#[derive(Debug)]
pub(crate) struct ApiHealth {
    outage: Outage,
    failing: bool,
}

impl Outage {
    pub(crate) fn health(&self) -> ApiHealth {
        ApiHealth { outage: self.clone(), failing: false }
    }

    /// True if the API server is gone, as far as any watch noticed.
    #[cfg(test)]
    pub(crate) fn lasts(&self) -> bool {
        self.0.lock().since.is_some()
    }
}

impl ApiHealth {
    /// True if the last attempt failed.
    pub(crate) const fn is_failing(&self) -> bool {
        self.failing
    }

    /// Records that an attempt failed for a reason that is not ours.
    pub(crate) fn failed(&mut self, error: &dyn Display) {
        if self.failing {
            return;
        }
        self.failing = true;
        let mut state = self.outage.0.lock();
        state.failing += 1;
        if state.since.is_none() {
            state.since = Some(Instant::now());
            drop(state);
            warn!(%error, "the API server cannot be reached: what is known is served on, the watches will resume");
        }
    }

    /// Records that an attempt succeeded, or got a response.
    pub(crate) fn succeeded(&mut self) {
        if !self.failing {
            return;
        }
        self.failing = false;
        let mut state = self.outage.0.lock();
        state.failing -= 1;
        if state.failing == 0
            && let Some(since) = state.since.take()
        {
            drop(state);
            info!(seconds = since.elapsed().as_secs(), "the API server is back");
        }
    }
}

impl Drop for ApiHealth {
    fn drop(&mut self) {
        self.succeeded();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_the_first_failure_to_the_last_recovery() {
        let outage = Outage::default();
        let (mut a, mut b) = (outage.health(), outage.health());
        assert!(!outage.lasts());
        a.failed(&"refused");
        a.failed(&"refused");
        b.failed(&"refused");
        a.succeeded();
        assert!(outage.lasts());
        drop(b);
        assert!(!outage.lasts());
    }
}

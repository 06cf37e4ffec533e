//! The state of the process, shared by its parts.

use arc_swap::ArcSwap;
use flow_admin::{Readiness, Source};
use flow_model::runtime::Runtime;
use proxy::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The state of the process; clones share it.
#[derive(Clone, Debug)]
pub(super) struct State(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runtime: ArcSwap<Runtime>,
    metrics: Option<Arc<Metrics>>,
    /// Providers whose first configuration is not served yet.
    waiting_for: watch::Sender<Vec<String>>,
    /// True if every pending challenge can be answered here, or none is to be.
    answers_challenges: AtomicBool,
    stopping: AtomicBool,
}

impl State {
    pub(super) fn new(metrics: Option<Arc<Metrics>>) -> Self {
        Self(Arc::new(Shared {
            runtime: ArcSwap::default(),
            metrics,
            waiting_for: watch::Sender::new(vec!["entry points".to_owned()]),
            answers_challenges: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
        }))
    }

    pub(super) fn show(&self, runtime: Arc<Runtime>) {
        self.0.runtime.store(runtime);
    }

    pub(super) fn wait_for(&self, waiting_for: Vec<String>) {
        self.0.waiting_for.send_replace(waiting_for);
    }

    /// Returns once every provider's first configuration is served, or after `limit`.
    pub(super) async fn served_within(&self, limit: Duration) {
        let mut waiting_for = self.0.waiting_for.subscribe();
        // A timeout is no error: the caller then shows what there is.
        let _ = tokio::time::timeout(limit, waiting_for.wait_for(Vec::is_empty)).await;
    }

    /// Sets if every pending challenge of a CA can be answered here; readiness waits for it.
    pub(super) fn answers_challenges(&self, yes: bool) {
        self.0.answers_challenges.store(yes, Ordering::Relaxed);
    }

    pub(super) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }
}

impl Source for State {
    fn runtime(&self) -> Arc<Runtime> {
        self.0.runtime.load_full()
    }

    fn metrics(&self) -> Option<String> {
        match self.0.metrics.as_ref()?.render() {
            Ok(text) => Some(text),
            Err(error) => {
                tracing::error!(%error, "cannot write the metrics");
                None
            }
        }
    }

    fn readiness(&self) -> Readiness {
        let mut waiting_for = self.0.waiting_for.borrow().clone();
        if !self.0.answers_challenges.load(Ordering::Relaxed) {
            waiting_for.push("certificates".to_owned());
        }
        Readiness { waiting_for }
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }
}

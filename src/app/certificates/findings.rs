//! Problems with the certificates of a cluster, as they change.

use flow_controller::certificates::ClusterStore;
use flow_model::diagnostic::Diagnostic;
use tokio::sync::watch;

/// The reason why no certificate is issued at all, and the problems of single certificates.
#[derive(Debug)]
pub(crate) struct Findings {
    conflict: watch::Receiver<Option<Diagnostic>>,
    troubles: watch::Receiver<Vec<Diagnostic>>,
}

impl Default for Findings {
    /// No problems, and none to come.
    fn default() -> Self {
        Self { conflict: watch::channel(None).1, troubles: watch::channel(Vec::new()).1 }
    }
}

impl Findings {
    pub(super) fn of(store: &ClusterStore) -> Self {
        Self { conflict: store.conflict(), troubles: store.troubles() }
    }

    /// Waits until the findings change.
    pub(crate) async fn changed(&mut self) {
        tokio::select! {
            Ok(()) = self.conflict.changed() => {}
            Ok(()) = self.troubles.changed() => {}
            else => std::future::pending().await,
        }
    }

    /// The present findings.
    pub(crate) fn now(&mut self) -> Vec<Diagnostic> {
        let conflict = self.conflict.borrow_and_update().clone();
        conflict.into_iter().chain(self.troubles.borrow_and_update().iter().cloned()).collect()
    }
}

//! From a provider to those who serve it: the latest configuration, and back, which one is served.

use flow_model::config::Source;
use flow_model::diagnostic::Diagnostic;
use std::sync::Arc;
use tokio::sync::watch;

/// The configuration at one moment. A `Config` that did not change keeps its identity.
#[derive(Clone, Debug)]
pub struct Update {
    /// The configurations, one for each provider that is fed.
    pub sources: Arc<[Source]>,
    /// Findings about the origin itself: kinds that may not be read, files that cannot be.
    pub diagnostics: Arc<[Diagnostic]>,
    /// Grows with every update.
    pub version: u64,
}

impl Update {
    fn is_same(&self, sources: &[Source], diagnostics: &[Diagnostic]) -> bool {
        let same = self.sources.iter().zip(sources).all(|(last, now)| last.is_same(now));
        same && self.sources.len() == sources.len() && *self.diagnostics == *diagnostics
    }
}

/// A running source of configuration. It ends when its token is cancelled or this is dropped.
#[derive(Debug)]
pub struct Provider {
    updates: watch::Receiver<Option<Update>>,
    applied: watch::Sender<u64>,
}

impl Provider {
    /// Waits for an update and gives the latest; the first one comes when every source is complete. `None` when the
    /// source has ended. May be dropped before it is ready without losing one.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.changed().await.ok()?;
        self.updates.borrow_and_update().clone()
    }

    /// Tells that this version, and so all before it, is being served.
    pub fn applied(&self, version: u64) {
        self.applied.send_if_modified(|applied| {
            let newer = version > *applied;
            *applied = version.max(*applied);
            newer
        });
    }
}

/// The provider's side.
#[derive(Debug)]
pub(super) struct Publisher {
    updates: watch::Sender<Option<Update>>,
    /// Which version is served.
    pub(super) applied: watch::Receiver<u64>,
    version: u64,
}

pub(super) fn channel() -> (Publisher, Provider) {
    let (send, updates) = watch::channel(None);
    let (applied, receive) = watch::channel(0);
    (Publisher { updates: send, applied: receive, version: 0 }, Provider { updates, applied })
}

impl Publisher {
    /// Hands an update on and returns its version; `None` if it is the same as the last.
    pub(super) fn publish(&mut self, sources: impl Into<Arc<[Source]>>, diagnostics: Vec<Diagnostic>) -> Option<u64> {
        let sources = sources.into();
        if self.updates.borrow().as_ref().is_some_and(|last| last.is_same(&sources, &diagnostics)) {
            return None;
        }
        self.version += 1;
        let (diagnostics, version) = (diagnostics.into(), self.version);
        self.updates.send_replace(Some(Update { sources, diagnostics, version }));
        Some(version)
    }

    /// The last update handed on.
    pub(super) fn latest(&self) -> Option<Update> {
        self.updates.borrow().clone()
    }

    /// The last version handed on; zero before the first.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Waits until nobody wants updates any longer.
    pub(super) async fn closed(&self) {
        self.updates.closed().await;
    }
}

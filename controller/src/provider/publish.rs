//! From a provider to those who serve it: the latest configuration, and back, which one is served.

use crate::translate::Translated;
use flow_model::config::Config;
use flow_model::diagnostic::Diagnostic;
use std::sync::Arc;
use tokio::sync::watch;

/// What the sources mean at one moment. A `Config` that did not change keeps its identity.
#[derive(Clone, Debug)]
pub struct Update {
    /// The provider `kubernetes`.
    pub kubernetes: Arc<Config>,
    /// The provider `kubernetescrd`.
    pub kubernetescrd: Arc<Config>,
    /// What is wrong with the sources themselves: kinds that may not be read, files that cannot be.
    pub diagnostics: Arc<[Diagnostic]>,
    /// Grows with every update.
    pub version: u64,
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
    /// Hands on what is new. `None` where it is the same as the last.
    pub(super) fn publish(&mut self, translated: Translated, diagnostics: Vec<Diagnostic>) -> Option<u64> {
        let last = self.updates.borrow().clone();
        let same_diagnostics = last.as_ref().filter(|last| *last.diagnostics == *diagnostics);
        let diagnostics = same_diagnostics.map_or_else(|| diagnostics.into(), |last| Arc::clone(&last.diagnostics));
        if let Some(last) = &last
            && Arc::ptr_eq(&last.kubernetes, &translated.kubernetes)
            && Arc::ptr_eq(&last.kubernetescrd, &translated.kubernetescrd)
            && Arc::ptr_eq(&last.diagnostics, &diagnostics)
        {
            return None;
        }
        self.version += 1;
        self.updates.send_replace(Some(Update {
            kubernetes: translated.kubernetes,
            kubernetescrd: translated.kubernetescrd,
            diagnostics,
            version: self.version,
        }));
        Some(self.version)
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

//! The resolvers of one process: those with the same storage share a store.

use super::plan::{self, FolderPlan};
use crate::app::Refusal;
use crate::app::certificates::{Engines, planned_resolvers};
use crate::settings::Settings;
use flow_acme::http01::ChallengeTable;
use flow_acme::resolvers::{self, Place, Resolver, Wanted, declare};
use flow_acme::store::Store as _;
use flow_acme::store::folder::{FolderStore, Served};
use flow_model::diagnostic::causes;
use std::sync::Arc;
use tokio::sync::watch;

/// The resolvers of one storage.
pub(super) struct Set {
    resolvers: Vec<Resolver>,
    store: Arc<FolderStore>,
    pub(super) table: Arc<ChallengeTable>,
    pub(super) changes: watch::Receiver<u64>,
    wanted: Option<Vec<Wanted>>,
}

impl Set {
    /// Opens the store, and imports accounts and certificates from Traefik's file.
    ///
    /// # Errors
    /// The storage cannot be opened or written.
    pub(super) fn open(plan: FolderPlan) -> Result<Self, Refusal> {
        let FolderPlan { storage, resolvers, imported } = plan;
        let store = FolderStore::open(&plan::folder(&storage), resolvers::settings(&Place::folder()))?;
        if let Some(imported) = imported {
            let taken = store.import(plan::told(&storage, imported))?;
            if taken > 0 {
                tracing::info!(file = %storage.display(), secrets = taken, "accounts and certificates were taken over");
            }
        }
        let changes = store.changes();
        let (store, table) = (Arc::new(store), ChallengeTable::new());
        Ok(Self { resolvers, store, table, changes, wanted: None })
    }

    pub(super) fn start(&self, settings: &Settings, engines: &Engines) {
        let planned = planned_resolvers(settings, &Place::folder());
        engines.start(Arc::clone(&self.store), Arc::clone(&self.table), planned);
    }

    pub(super) fn served(&self) -> Served {
        self.store.served()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.resolvers.iter().any(|known| known.name == name)
    }

    /// Asks for what its resolvers are wanted for.
    pub(super) fn declare(&mut self, wanted: &[Wanted]) {
        let ours: Vec<_> = wanted.iter().filter(|want| self.knows(&want.resolver)).cloned().collect();
        if self.wanted.as_ref() != Some(&ours) {
            if let Err(error) = self.store.declare(declare(&Place::folder(), &self.resolvers, &ours)) {
                tracing::error!(error = causes(&error), "certificates are not asked for");
            }
            self.wanted = Some(ours);
        }
    }
}

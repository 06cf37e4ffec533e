//! The resolvers of a cluster: what they keep is in Secrets, which all replicas see.

use super::plan::{self, ClusterPlan};
use crate::app::certificates::{Engines, cluster, planned_resolvers};
use crate::settings::Settings;
use flow_acme::http01::ChallengeTable;
use flow_acme::objects::Secret;
use flow_acme::resolvers::{Place, Resolver, Wanted, declare};
use flow_acme::store::Store as _;
use flow_acme::store::folder::Served;
use flow_controller::resolvers::{self as controller, Options, ResolverStore};
use flow_model::diagnostic::Diagnostic;
use flow_model::entry_point::EntryPoint;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The resolvers, and their store once the cluster is watched.
pub(super) struct ClusterSet {
    place: Place,
    resolvers: Vec<Resolver>,
    taken: Vec<Secret>,
    pub(super) table: Arc<ChallengeTable>,
    running: Option<Running>,
    wanted: Option<Vec<Wanted>>,
}

struct Running {
    store: Arc<ResolverStore>,
    served: watch::Receiver<Served>,
    obstacle: watch::Receiver<Option<Diagnostic>>,
}

impl ClusterSet {
    pub(super) fn new(plan: ClusterPlan) -> Self {
        let ClusterPlan { place, resolvers, imported, earlier } = plan;
        // Of two, the one that was written by this program is the newer.
        let files = imported.into_iter().flat_map(|(storage, imported)| plan::told(&storage, imported));
        let taken: BTreeMap<_, _> = files.chain(earlier).map(|secret| (secret.key(), secret)).collect();
        let taken = taken.into_values().collect();
        Self { place, resolvers, taken, table: ChallengeTable::new(), running: None, wanted: None }
    }

    /// The options of the store.
    pub(super) fn options(&self, settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Options {
        Options {
            namespace: self.place.namespace().to_owned(),
            declared: declare(&self.place, &self.resolvers, &[]).secrets,
            service: cluster::service(settings),
            ports: cluster::ports(entry_points),
        }
    }

    /// Starts to issue on the current runtime. `answers` is called once challenges can be answered.
    pub(super) fn start(
        &mut self,
        settings: &Settings,
        store: &Arc<ResolverStore>,
        engines: &Engines,
        answers: impl FnOnce() + Send + 'static,
    ) {
        let settings = planned_resolvers(settings, &self.place);
        let (of_store, table, planned) = (Arc::clone(store), Arc::clone(&self.table), settings.clone());
        tokio::spawn(async move {
            let (mut known, mut obstacle) = (of_store.known(), of_store.obstacle());
            tokio::select! {
                _ = known.wait_for(|known| *known) => {}
                // Nothing will be issued that could be asked for.
                _ = obstacle.wait_for(Option::is_some) => {}
            }
            table.publish(&of_store.view(), &planned, jiff::Timestamp::now());
            answers();
        });
        engines.start(Arc::clone(store), Arc::clone(&self.table), settings);
        let (served, obstacle) = (store.served(), store.obstacle());
        self.running = Some(Running { store: Arc::clone(store), served, obstacle });
    }

    /// Waits until what is served, or the reason why nothing is, changes.
    pub(super) async fn changed(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        tokio::select! {
            Ok(()) = running.served.changed() => {}
            Ok(()) = running.obstacle.changed() => {}
            else => std::future::pending().await,
        }
    }

    pub(super) fn served(&mut self) -> Served {
        self.running.as_mut().map(|running| running.served.borrow_and_update().clone()).unwrap_or_default()
    }

    pub(super) fn obstacle(&mut self) -> Option<Diagnostic> {
        self.running.as_mut().and_then(|running| running.obstacle.borrow_and_update().clone())
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.resolvers.iter().any(|known| known.name == name)
    }

    /// Asks for what the resolvers are wanted for. Without a cluster to ask nothing is.
    pub(super) fn declare(&mut self, wanted: &[Wanted]) {
        let Some(running) = &self.running else { return };
        if self.wanted.as_deref() != Some(wanted) {
            let declared = declare(&self.place, &self.resolvers, wanted);
            running.store.declare(Arc::new(controller::Wanted::new(declared, self.taken.iter().cloned())));
            self.wanted = Some(wanted.to_vec());
        }
    }

    pub(super) fn namespace(&self) -> &str {
        self.place.namespace()
    }
}

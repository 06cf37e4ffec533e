//! Traefik's `certificatesResolvers` in a cluster: accounts, certificates and what is under way are Secrets in the proxy's
//! own namespace, all with the label `flow-proxy.ominis.ai/resolver`. The leader issues, every replica answers and serves.
//!
//! The Secrets are those of the module `record`; cert-manager's definitions are not needed, and a running cert-manager
//! takes none of them for its own.

mod reconcile;
mod record;
mod state;
mod store;

pub use reconcile::Wanted;
pub(crate) use state::view_of;
pub use store::ResolverStore;
pub(crate) use store::do_write;

use crate::certificates::replicas::{Ports, ReplicaTable};
use crate::lease::{LeaderState, Leadership};
use crate::watch::Informers;
use crate::watch::reader::reader;
use flow_acme::names::RESOLVER;
use flow_acme::objects::Secret;
use flow_acme::planner::Write;
use flow_acme::resolvers::{Place, settings};
use flow_acme::store::folder::Served;
use flow_acme::store::{Store as _, StoreError};
use flow_model::diagnostic::{Diagnostic, Subject};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::runtime::watcher::Config;
use state::{Shared, ToState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The number of objects that are written at the same time.
const MAX_CONCURRENT_WRITES: usize = 16;
/// The longest time between two looks at what is wanted.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The wait after a write that was refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(10);
/// The least time between two looks at what is issued.
const SERVE_PAUSE: Duration = Duration::from_millis(250);

/// The options of the resolvers in a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace of their Secrets.
    pub namespace: String,
    /// Keys of the static configuration: they are used from here and not written.
    pub declared: Vec<Secret>,
    /// Namespace and name of the Service in front of all replicas; without one this process is taken to be the only
    /// one.
    pub service: Option<(String, String)>,
    /// The ports by which that Service's endpoints are told apart.
    pub ports: Ports,
}

/// Subscribes to the Secrets of the resolvers, on the current runtime and until `stop` is cancelled.
pub(crate) fn subscribe(
    informers: &mut Informers,
    leadership: Leadership,
    options: Options,
    stop: CancellationToken,
) -> Arc<ResolverStore> {
    let client = informers.client.clone();
    let shared = Arc::new(Shared::new(&options.namespace, options.declared));
    let api = Api::<core::Secret>::namespaced(client.clone(), &options.namespace);
    informers.watch(api, Config::default().labels(RESOLVER), reader(state::read, ToState(Arc::clone(&shared))));
    let replicas = options.service.map(|service| ReplicaTable::subscribe(informers, &service, &options.ports));
    let (show, served) = watch::channel(Served::default());
    let (declared, wanted) = watch::channel(None);
    let store = Arc::new(ResolverStore { client, leadership, shared, replicas, served, declared });
    let mut tasks = JoinSet::new();
    tasks.spawn(reconcile_always(Arc::clone(&store), wanted));
    tasks.spawn(serve(Arc::clone(&store.shared), show));
    tasks.spawn(follow_leadership(Arc::clone(&store.shared), store.leadership.state()));
    tokio::spawn(async move {
        stop.cancelled().await;
        tasks.shutdown().await;
    });
    store
}

impl ResolverStore {
    /// Asks for certificates, in place of those asked for before. Only the leader writes it.
    pub fn declare(&self, wanted: Arc<Wanted>) {
        self.declared.send_replace(Some(wanted));
    }

    /// Returns the issued certificates and the problems of the others, as they change.
    #[must_use]
    pub fn served(&self) -> watch::Receiver<Served> {
        self.served.clone()
    }

    /// Returns the reason for which nothing is issued at all, as it changes.
    #[must_use]
    pub fn obstacle(&self) -> watch::Receiver<Option<Diagnostic>> {
        self.shared.obstacle.subscribe()
    }

    /// Turns true once everything was listed and is in the view.
    #[must_use]
    pub fn known(&self) -> watch::Receiver<bool> {
        self.shared.known.subscribe()
    }
}

async fn follow_leadership(shared: Arc<Shared>, mut leader_state: watch::Receiver<LeaderState>) {
    while leader_state.changed().await.is_ok() {
        shared.tick();
    }
}

/// Keeps what is served up to date.
async fn serve(shared: Arc<Shared>, show: watch::Sender<Served>) {
    let mut version = shared.version.subscribe();
    let settings = settings(&Place::cluster(shared.namespace.clone()));
    while version.changed().await.is_ok() {
        version.mark_unchanged();
        let served = Served::of(&shared.shown.load(), &settings);
        show.send_if_modified(|shown| {
            let is_news = *shown != served;
            *shown = served;
            is_news
        });
        sleep(SERVE_PAUSE).await;
    }
}

/// Writes what is wanted, while this replica leads.
async fn reconcile_always(store: Arc<ResolverStore>, mut wanted: watch::Receiver<Option<Arc<Wanted>>>) {
    let mut version = store.changes();
    loop {
        version.mark_unchanged();
        let present = wanted.borrow_and_update().clone();
        let mut wrote = Ok(());
        if let Some(present) = present.filter(|_| store.is_leader()) {
            wrote = reconcile_once(&store, &present).await;
        }
        if let Err(error) = wrote {
            tracing::error!(%error, "what certificate resolvers keep cannot be written");
            let words = format!("what certificate resolvers keep cannot be written: {error}");
            let subject = Subject::new("Namespace", "", store.shared.namespace.as_str());
            store.shared.obstacle.send_replace(Some(Diagnostic::error(subject, words)));
            sleep(AFTER_REFUSAL).await;
            store.shared.obstacle.send_replace(None);
            continue;
        }
        let changed = async {
            tokio::select! {
                changed = version.changed() => changed,
                changed = wanted.changed() => changed,
            }
        };
        // An error is a store that is gone: its tasks are stopped.
        if matches!(timeout(LOOK_EVERY, changed).await, Ok(Err(_))) {
            return;
        }
    }
}

/// Does one round. A conflict is no error: the next view shows what is there.
async fn reconcile_once(store: &ResolverStore, wanted: &Wanted) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let steps = reconcile::steps(&store.view(), wanted, now);
    let done = stream::iter(steps).map(|step| one(store, step)).buffer_unordered(MAX_CONCURRENT_WRITES);
    let failures: Vec<StoreError> = done.filter_map(|result| async { result.err() }).collect().await;
    failures.into_iter().find(|error| !matches!(error, StoreError::Conflict)).map_or(Ok(()), Err)
}

async fn one(store: &ResolverStore, step: Vec<Write>) -> Result<(), StoreError> {
    for write in step {
        if !store.is_leader() {
            return Ok(());
        }
        match (store.write(&write).await, &write) {
            // Made in an earlier round that the view does not show yet.
            (Err(StoreError::Conflict), Write::Create(_)) | (Ok(()), _) => {}
            (error, _) => return error,
        }
    }
    Ok(())
}

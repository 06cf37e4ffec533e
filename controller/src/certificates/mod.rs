//! cert-manager's objects of a cluster as a store for [`flow_acme`]: what certificates are wanted, what became of them,
//! and who answers the proofs of control.
//!
//! Every kind is watched by a task of its own that keeps its part of one [`planner::View`]; what changed is published
//! whole. Of all Secrets only those are kept that a Certificate or an issuer names. A Certificate is not shown before
//! it is known whether its Secret is there: it would be issued again.

mod desk;
mod events;
mod feeds;
mod guard;
pub(crate) mod objects;
mod replicas;
mod secrets;
mod state;
mod store;
pub(crate) mod troubles;
mod write;

pub use desk::{Desk, DeskError};
pub use replicas::Ports;
pub use store::ClusterStore;

use crate::lease::Leadership;
use crate::watch::outage::Outage;
use flow_acme::planner;
use flow_model::diagnostic::Diagnostic;
use state::Shared;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What is to be known of a cluster to issue certificates in it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces that are watched; none means all.
    pub namespaces: Vec<String>,
    /// What the operator chose.
    pub settings: planner::Settings,
    /// A cert-manager that is alive in one of the settings' fallback namespaces is left to its work.
    pub yields: bool,
    /// IngressClasses of this controller are served beside those of the settings.
    pub classes: bool,
    /// Namespace and name of the Service in front of all replicas; without one this process is taken to be alone.
    pub service: Option<(String, String)>,
    /// How the ports of that Service's endpoints are told apart.
    pub ports: Ports,
    /// This replica's name, for events.
    pub identity: String,
}

/// Watches a cluster on the current runtime and until `stop` is cancelled.
#[must_use]
pub fn start(
    client: kube::Client,
    leadership: Leadership,
    options: Options,
    stop: CancellationToken,
) -> Arc<ClusterStore> {
    let shared = Arc::new(Shared::new(options.settings.clone()));
    let mut tasks = JoinSet::new();
    let outage = Outage::default();
    feeds::start(&client, &options, &outage, &shared, &mut tasks);
    let lookups = secrets::start(&client, &options, &outage, &shared, &mut tasks);
    if options.yields {
        guard::start(&client, &options.settings.fallback_namespaces, &outage, &shared, &mut tasks);
    }
    tasks.spawn(state::publish(Arc::clone(&shared), lookups));
    tasks.spawn(troubles::watch(Arc::clone(&shared)));
    tasks.spawn(state::follow_standing(Arc::clone(&shared), leadership.standing()));
    let events = events::start(client.clone(), options.identity, &mut tasks);
    tokio::spawn(async move {
        stop.cancelled().await;
        tasks.shutdown().await;
    });
    Arc::new(ClusterStore::new(client, leadership, shared, events, options.service.is_some()))
}

impl ClusterStore {
    /// A cert-manager at work, or what is left of one, because of which nothing is issued here.
    #[must_use]
    pub fn conflict(&self) -> watch::Receiver<Option<Diagnostic>> {
        self.shared.conflict.subscribe()
    }

    /// Findings about certificates that do not come.
    #[must_use]
    pub fn troubles(&self) -> watch::Receiver<Vec<Diagnostic>> {
        self.shared.troubles.subscribe()
    }

    /// Turns true once everything was listed and is in the view.
    #[must_use]
    pub fn known(&self) -> watch::Receiver<bool> {
        self.shared.known.subscribe()
    }
}

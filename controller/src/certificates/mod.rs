//! cert-manager's objects of a cluster as a store for [`flow_acme`]: the certificates that are wanted, their state, and
//! the replicas that respond to challenges.
//!
//! The watch of each kind, shared with routes where both need it, fills its part of one [`planner::View`]; changes are
//! published as a whole. Of all Secrets only those are kept that a Certificate or an issuer names. A Certificate is not shown before
//! its Secret was looked up: it would be issued again.

mod cert_manager;
mod client;
mod constants;
mod events;
pub(crate) mod objects;
pub(crate) mod replicas;
mod resource;
mod secrets;
mod shrink;
mod state;
mod store;
pub(crate) mod troubles;
mod watches;
pub(crate) mod write;

pub use client::{CertificateClient, CertificateClientError};
pub use replicas::Ports;
pub use store::ClusterStore;

use crate::lease::Leadership;
use crate::watch::Informers;
use flow_acme::planner;
use flow_model::diagnostic::Diagnostic;
use state::Shared;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The options of issuing certificates in a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces that are watched; empty means all.
    pub namespaces: Vec<String>,
    /// The operator's settings.
    pub settings: planner::Settings,
    /// True if nothing is issued while a cert-manager runs in one of the settings' fallback namespaces.
    pub defer_to_cert_manager: bool,
    /// True if IngressClasses of this controller are served beside those of the settings.
    pub classes: bool,
    /// Namespace and name of the Service in front of all replicas; without one this process is taken to be the only
    /// one.
    pub service: Option<(String, String)>,
    /// The ports by which that Service's endpoints are told apart.
    pub ports: Ports,
    /// This replica's name, for events.
    pub identity: String,
}

/// Subscribes to everything that certificates need, and starts what only they need, on the current runtime and until
/// `stop` is cancelled.
pub(crate) fn subscribe(
    informers: &mut Informers,
    leadership: Leadership,
    options: Options,
    stop: CancellationToken,
) -> Arc<ClusterStore> {
    let shared = Arc::new(Shared::new(options.settings.clone()));
    let (client, outage) = (informers.client.clone(), informers.outage.clone());
    let mut tasks = JoinSet::new();
    watches::subscribe(informers, &options, &shared);
    secrets::subscribe(informers, &options, &shared);
    if options.defer_to_cert_manager {
        cert_manager::start(&client, &options.settings.fallback_namespaces, &outage, &shared, &mut tasks);
    }
    tasks.spawn(state::publish(Arc::clone(&shared)));
    tasks.spawn(troubles::watch(Arc::clone(&shared)));
    tasks.spawn(shrink::watch(Arc::clone(&shared)));
    let written = informers.secrets.written();
    let (reader, places, to) = (client.clone(), options.namespaces.clone(), written.clone());
    let read_keys = move || {
        let (client, places, to) = (reader.clone(), places.clone(), to.clone());
        async move { secrets::read_next_keys(client, &places, &to).await }
    };
    tasks.spawn(state::follow_leadership(Arc::clone(&shared), leadership.state(), read_keys));
    let events = events::start(client.clone(), options.identity, &mut tasks);
    tokio::spawn(async move {
        stop.cancelled().await;
        tasks.shutdown().await;
    });
    Arc::new(ClusterStore::new(client, leadership, shared, events, written, options.service.is_some()))
}

impl ClusterStore {
    /// Returns a running cert-manager, or the rest of one, because of which nothing is issued here.
    #[must_use]
    pub fn conflict(&self) -> watch::Receiver<Option<Diagnostic>> {
        self.shared.conflict.subscribe()
    }

    /// Returns findings about certificates that cannot be issued.
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

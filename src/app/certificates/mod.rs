//! Certificates that are issued here: the engines, and their part of the data plane.
//!
//! Certificates can be requested in three places: a cluster's objects, the same objects in a folder of manifests, and
//! Traefik's `certificatesResolvers`. Each has its own store and engine; challenges of all three are answered together.

mod cluster;
mod findings;
mod folder;
mod resolvers;

pub(super) use cluster::options;
pub(super) use findings::Findings;
pub(super) use folder::{foreseen, issuing};
pub(super) use resolvers::{Plan, Resolvers, plan, wanted};

use crate::settings::{self, Settings};
use flow_acme::client::Client;
use flow_acme::engine::{Engine, Metrics};
use flow_acme::http01::ChallengeTable;
use flow_acme::objects::IssuerRef;
use flow_acme::planner;
use flow_acme::resolvers::Place;
use flow_acme::store::Store;
use flow_controller::lease;
use flow_controller::provider::Kubernetes;
use flow_model::challenge::ChallengeLookup;
use proxy::snapshot::Reader;
use proxy::tls::{TlsSource, TlsState};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The Ingress class that is served if none is set.
const CLASS: &str = "traefik";

/// The challenges that this process answers: a table for each engine.
#[derive(Clone, Debug)]
pub(super) struct ChallengeResponders(Arc<[Arc<ChallengeTable>]>);

impl ChallengeResponders {
    pub(super) fn new(tables: impl IntoIterator<Item = Arc<ChallengeTable>>) -> Self {
        Self(tables.into_iter().collect())
    }
}

impl ChallengeLookup for ChallengeResponders {
    fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
        self.0.iter().find_map(|table| table.response(host, token))
    }
}

/// TLS for connections: the configuration's certificates, and those that answer TLS-ALPN-01 challenges.
pub(super) struct TlsWithChallenges {
    pub(super) reader: Reader,
    pub(super) responders: ChallengeResponders,
}

impl TlsSource for TlsWithChallenges {
    fn load(&self) -> Arc<TlsState> {
        TlsSource::load(&self.reader)
    }

    fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.responders.0.iter().find_map(|table| table.certificate(name))
    }
}

/// Starts engines, and holds what they share: the client of CAs, metrics and the signal to stop.
#[derive(Clone)]
pub(super) struct Engines {
    ca: Arc<Client>,
    metrics: Metrics,
    stop: CancellationToken,
}

impl Engines {
    pub(super) fn new(metrics: Metrics, stop: CancellationToken) -> Self {
        Self { ca: Arc::new(Client::new(env!("CARGO_PKG_VERSION"))), metrics, stop }
    }

    /// Starts an engine on the current runtime.
    fn start<S: Store>(&self, store: Arc<S>, table: Arc<ChallengeTable>, settings: planner::Settings) {
        let engine = Engine::new(store, Arc::clone(&self.ca), table, settings, self.metrics.clone());
        tokio::spawn(engine.run(self.stop.clone()));
    }
}

/// Starts to issue what a cluster's objects ask for, on the current runtime, unless `acme.mode` is off. `answers` is
/// called once challenges can be answered: until then a CA must not reach this replica. Returns the problems as they
/// change.
pub(super) fn start(
    settings: &Settings,
    cluster: &Kubernetes,
    table: &Arc<ChallengeTable>,
    engines: &Engines,
    answers: impl FnOnce() + Send + 'static,
) -> Findings {
    let Some(store) = &cluster.certificates else {
        answers();
        return Findings::default();
    };
    cluster::start(cluster::planned(settings), Arc::clone(store), table, engines, answers)
}

/// The settings for resolvers, whose objects are in `place`, in the planner's form.
fn planned_resolvers(settings: &Settings, place: &Place) -> planner::Settings {
    planner::Settings { name_servers: planned(settings).name_servers, ..flow_acme::resolvers::settings(place) }
}

/// The operator's settings in the planner's form.
fn planned(settings: &Settings) -> planner::Settings {
    let providers = &settings.providers;
    let of_cluster = providers.kubernetes_ingress.as_ref().map(|k| &k.provider.options.ingress_class);
    let class = of_cluster.or_else(|| providers.manifests.as_ref().map(|folder| &folder.ingress.ingress_class));
    let class = class.cloned().filter(|class| !class.is_empty());
    let acme = &settings.acme;
    // The same pod as in the election.
    let own = || lease::Options::of_process(CLASS).namespace;
    let namespace = Some(&acme.cluster_resource_namespace).filter(|namespace| !namespace.is_empty());
    planner::Settings {
        cluster_resource_namespace: namespace.cloned().unwrap_or_else(own),
        serves_default_class: class.is_none(),
        served_classes: vec![class.unwrap_or_else(|| CLASS.to_owned())],
        default_issuer: acme.default_issuer.as_ref().map(|issuer| IssuerRef {
            name: issuer.name.clone(),
            kind: issuer.kind.clone(),
            group: issuer.group.clone(),
        }),
        name_servers: acme.name_servers.iter().filter_map(|server| settings::name_server(server)).collect(),
        ..planner::Settings::default()
    }
}

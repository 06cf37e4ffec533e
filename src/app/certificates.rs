//! Certificates that are issued here: the engine, and its part of the data plane.

use crate::settings::{self, AcmeMode, Settings};
use flow_acme::client::Client;
use flow_acme::engine::{Engine, Metrics};
use flow_acme::http01::ChallengeTable;
use flow_acme::planner;
use flow_acme::store::Store as _;
use flow_controller::certificates::{self, ClusterStore, Options, Ports};
use flow_controller::lease;
use flow_controller::provider::Kubernetes;
use flow_model::entry_point::EntryPoint;
use flow_proxy_core::snapshot::Reader;
use flow_proxy_core::tls::{TlsSource, TlsState};
use prometheus::Registry;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The class that the proxy serves where no other is set.
const CLASS: &str = "traefik";

/// TLS for connections: the certificates of the configuration, and those that prove a name to a CA.
pub(super) struct TlsWithProofs {
    pub(super) reader: Reader,
    pub(super) table: Arc<ChallengeTable>,
}

impl TlsSource for TlsWithProofs {
    fn load(&self) -> Arc<TlsState> {
        TlsSource::load(&self.reader)
    }

    fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.table.certificate(name)
    }
}

/// Issues what a cluster's objects ask for, on the current runtime and unless that is off. `answers` is called once
/// challenges can be answered: before that this replica must not be among those that a CA asks.
///
/// # Errors
/// Where a metric of that name is registered already.
pub(super) fn start(
    settings: &Settings,
    cluster: &Kubernetes,
    entry_points: &[Arc<EntryPoint>],
    table: &Arc<ChallengeTable>,
    registry: Option<&Registry>,
    answers: impl FnOnce() + Send + 'static,
    stop: CancellationToken,
) -> Result<(), prometheus::Error> {
    if settings.acme.mode == AcmeMode::Off {
        answers();
        return Ok(());
    }
    let unseen = Registry::new();
    let metrics = Metrics::new(registry.unwrap_or(&unseen))?;
    let options = options(settings, entry_points);
    let planned = options.settings.clone();
    let store = certificates::start(cluster.client.clone(), cluster.leadership.clone(), options, stop.clone());
    tokio::spawn(first_answers(Arc::clone(&store), Arc::clone(table), planned.clone(), answers));
    let ca = Arc::new(Client::new(env!("CARGO_PKG_VERSION")));
    let engine = Engine::new(store, ca, Arc::clone(table), planned, metrics);
    tokio::spawn(engine.run(stop));
    Ok(())
}

async fn first_answers(
    store: Arc<ClusterStore>,
    table: Arc<ChallengeTable>,
    settings: planner::Settings,
    answers: impl FnOnce() + Send,
) {
    if store.known().wait_for(|known| *known).await.is_ok() {
        table.publish(&store.view(), &settings, jiff::Timestamp::now());
        answers();
    }
}

fn options(settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Options {
    // The same pod as in the election.
    let process = lease::Options::of_process(CLASS);
    let ingress = settings.providers.kubernetes_ingress.as_ref();
    let crd = settings.providers.kubernetes_crd.as_ref();
    let namespaces = ingress.map(|k| k.namespaces.clone()).or_else(|| crd.map(|k| k.namespaces.clone()));
    let class = ingress.map(|k| k.ingress_class.clone()).filter(|class| !class.is_empty());
    let service = ingress.and_then(|k| k.ingress_endpoint.published_service.split_once('/'));
    Options {
        namespaces: namespaces.unwrap_or_default(),
        settings: planner::Settings {
            cluster_resource_namespace: process.namespace,
            serves_default_class: class.is_none(),
            served_classes: vec![class.unwrap_or_else(|| CLASS.to_owned())],
            ..planner::Settings::default()
        },
        yields: settings.acme.mode == AcmeMode::Auto,
        service: service.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())),
        ports: ports(entry_points),
        identity: process.identity,
    }
}

/// The ports that a CA reaches: those of the usual names first, the internal one never.
fn ports(entry_points: &[Arc<EntryPoint>]) -> Ports {
    let mut ports = Ports::default();
    for point in entry_points.iter().filter(|point| *point.name != *settings::INTERNAL) {
        let port = (point.name.to_string(), point.address.port());
        if point.http.tls.is_some() { ports.https.push(port) } else { ports.http.push(port) }
    }
    ports.http.sort_by_key(|(name, _)| name != "web");
    ports.https.sort_by_key(|(name, _)| name != "websecure");
    ports
}

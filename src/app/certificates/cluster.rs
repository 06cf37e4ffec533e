//! The certificates of a cluster.

use super::{Engines, Findings};
use crate::settings::{self, AcmeMode, Settings};
use flow_acme::http01::ChallengeTable;
use flow_acme::planner;
use flow_acme::store::Store as _;
use flow_controller::certificates::{ClusterStore, Options, Ports};
use flow_controller::lease;
use flow_model::entry_point::EntryPoint;
use std::sync::Arc;

/// Starts an engine on the certificates of a cluster. `answers` is called once their challenges can be answered.
pub(super) fn start(
    settings: planner::Settings,
    store: Arc<ClusterStore>,
    table: &Arc<ChallengeTable>,
    engines: &Engines,
    answers: impl FnOnce() + Send + 'static,
) -> Findings {
    tokio::spawn(publish_first(Arc::clone(&store), Arc::clone(table), settings.clone(), answers));
    let findings = Findings::of(&store);
    engines.start(store, Arc::clone(table), settings);
    findings
}

async fn publish_first(
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

/// The options of issuing what a cluster's objects ask for; `None` if `acme.mode` is off.
pub(in crate::app) fn options(settings: &Settings, entry_points: &[Arc<EntryPoint>]) -> Option<Options> {
    if settings.acme.mode == AcmeMode::Off {
        return None;
    }
    // The same pod as in the election.
    let process = lease::Options::of_process(super::CLASS);
    let ingress = settings.providers.kubernetes_ingress.as_ref();
    let crd = settings.providers.kubernetes_crd.as_ref();
    let namespaces =
        ingress.map(|k| k.provider.namespaces.clone()).or_else(|| crd.map(|k| k.provider.namespaces.clone()));
    // As for Ingresses: a class that is set is the only one.
    let classes = ingress.map(|k| &k.provider.options).is_none_or(|k| {
        k.ingress_class.is_empty() && !k.disable_ingress_class_lookup && !k.disable_cluster_scope_resources
    });
    let defer_to_cert_manager = settings.acme.mode == AcmeMode::Auto;
    Some(Options {
        namespaces: namespaces.unwrap_or_default(),
        settings: planned(settings),
        defer_to_cert_manager,
        classes,
        service: service(settings),
        ports: ports(entry_points),
        identity: process.identity,
    })
}

/// The operator's settings for a cluster in the planner's form.
pub(super) fn planned(settings: &Settings) -> planner::Settings {
    // Without looking for cert-manager, it is unknown who serves an issuer of another type.
    planner::Settings { alone: settings.acme.mode == AcmeMode::Auto, ..super::planned(settings) }
}

/// Namespace and name of the Service in front of all replicas, if it is set.
pub(super) fn service(settings: &Settings) -> Option<(String, String)> {
    let ingress = settings.providers.kubernetes_ingress.as_ref()?;
    let (namespace, name) = ingress.provider.options.ingress_endpoint.published_service.split_once('/')?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// The ports that a CA may connect to: `web` and `websecure` first, the internal entry point never.
pub(super) fn ports(entry_points: &[Arc<EntryPoint>]) -> Ports {
    let mut ports = Ports::default();
    for point in entry_points.iter().filter(|point| *point.name != *settings::INTERNAL) {
        let port = (point.name.to_string(), point.address.port());
        if point.http.tls.is_some() { ports.https.push(port) } else { ports.http.push(port) }
    }
    ports.http.sort_by_key(|(name, _)| name != "web");
    ports.https.sort_by_key(|(name, _)| name != "websecure");
    ports
}

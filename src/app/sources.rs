//! Where the dynamic configuration comes from: a cluster, or a folder of manifests in its place.

use super::Refusal;
use crate::settings::{self, Settings};
use flow_controller::lease;
use flow_controller::provider::{
    self, Connection, CrdProvider, IngressProvider, Kubernetes, KubernetesOptions, ManifestsOptions, Provider, Update,
};
use flow_controller::translate::{CrdOptions, IngressEndpoint, IngressOptions};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::{KUBERNETES, KUBERNETES_CRD, Name};
use flow_proxy_core::compile::Source;
use tokio_util::sync::CancellationToken;

/// The providers of the process.
pub(super) struct Sources {
    /// What is read, in words; `None` where nothing is.
    name: Option<&'static str>,
    provider: Option<Provider>,
    latest: Option<Update>,
}

/// What must be ended in an orderly way.
pub(super) struct Running {
    stop: CancellationToken,
    cluster: Option<Kubernetes>,
}

impl Running {
    /// Ends the watches and gives the Lease back.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Some(cluster) = self.cluster {
            cluster.ended().await;
        }
    }
}

/// Starts what the settings name, on the current runtime.
pub(super) async fn start(settings: &Settings) -> Result<(Sources, Running), Refusal> {
    let stop = CancellationToken::new();
    let given = &settings.providers;
    let cluster = given.kubernetes_ingress.is_some() || given.kubernetes_crd.is_some();
    if cluster && given.manifests.is_some() {
        return Err("providers.manifests stands in for a cluster: give it or the kubernetes providers, not both".into());
    }
    let mut running = Running { stop: stop.clone(), cluster: None };
    let mut sources = Sources { name: None, provider: None, latest: None };
    if let Some(manifests) = &given.manifests {
        sources.name = Some("the folder of manifests");
        sources.provider = Some(provider::manifests(manifests_options(settings, manifests), stop));
    } else if cluster {
        let mut kubernetes = provider::kubernetes(kubernetes_options(settings), stop).await?;
        sources.name = Some("Kubernetes");
        sources.provider = kubernetes.take_provider();
        running.cluster = Some(kubernetes);
    }
    Ok((sources, running))
}

impl Sources {
    /// Waits for news; false once there can be none.
    pub(super) async fn changed(&mut self) -> bool {
        let Some(provider) = &mut self.provider else { return false };
        match provider.next().await {
            Some(update) => {
                self.latest = Some(update);
                true
            }
            None => false,
        }
    }

    /// What is known now.
    pub(super) fn known(&self) -> Vec<Source> {
        self.latest
            .iter()
            .flat_map(|update| {
                let source = |provider: &str, config| Source { provider: Name::from(provider), config };
                [
                    source(KUBERNETES_CRD, update.kubernetescrd.clone()),
                    source(KUBERNETES, update.kubernetes.clone()),
                ]
            })
            .collect()
    }

    /// What is wrong with the sources themselves.
    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        self.latest.as_ref().map_or(&[], |update| &update.diagnostics)
    }

    /// What [`Sources::known`] told is served.
    pub(super) fn applied(&self) {
        if let (Some(provider), Some(update)) = (&self.provider, &self.latest) {
            provider.applied(update.version);
        }
    }

    /// What has not told anything yet.
    pub(super) fn waiting_for(&self) -> Vec<String> {
        let waiting = self.name.filter(|_| self.latest.is_none());
        waiting.map(str::to_owned).into_iter().collect()
    }
}

fn manifests_options(settings: &Settings, manifests: &settings::Manifests) -> ManifestsOptions {
    // A folder has no addresses to publish, and may name any backend.
    let mut ingress = settings.providers.kubernetes_ingress.as_ref().map(|k| ingress_options(settings, k));
    let ingress = ingress.get_or_insert_with(|| IngressOptions {
        default_rule_syntax_v2: is_v2(settings),
        ..IngressOptions::default()
    });
    ingress.allow_external_name_services = true;
    ManifestsOptions {
        directory: manifests.directory.clone(),
        watch: manifests.watch,
        ingress: ingress.clone(),
        crd: CrdOptions::default(),
    }
}

fn kubernetes_options(settings: &Settings) -> KubernetesOptions {
    let (ingress, crd) = (&settings.providers.kubernetes_ingress, &settings.providers.kubernetes_crd);
    let connection = match (ingress, crd) {
        (Some(k), _) => connection(&k.endpoint, &k.token, k.cert_auth_file_path.as_ref()),
        (None, Some(k)) => connection(&k.endpoint, &k.token, k.cert_auth_file_path.as_ref()),
        (None, None) => Connection::default(),
    };
    KubernetesOptions {
        connection,
        ingress: ingress.as_ref().map(|k| IngressProvider {
            namespaces: k.namespaces.clone(),
            label_selector: k.label_selector.clone(),
            throttle: k.throttle_duration,
            options: ingress_options(settings, k),
        }),
        crd: crd.as_ref().map(|k| CrdProvider {
            namespaces: k.namespaces.clone(),
            label_selector: k.label_selector.clone(),
            throttle: k.throttle_duration,
            options: CrdOptions {
                allow_cross_namespace: k.allow_cross_namespace,
                cross_provider_namespaces: k.cross_provider_namespaces.clone(),
            },
        }),
        lease: lease::Options::of_process("flow-proxy"),
    }
}

fn connection(endpoint: &str, token: &settings::Secret, certificate_authority: Option<&std::path::PathBuf>) -> Connection {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Connection {
        endpoint: some(endpoint),
        token: some(token.expose()),
        certificate_authority: certificate_authority.cloned(),
    }
}

fn ingress_options(settings: &Settings, from: &settings::KubernetesIngress) -> IngressOptions {
    let endpoint = &from.ingress_endpoint;
    IngressOptions {
        ingress_class: from.ingress_class.clone(),
        ingress_endpoint: (*endpoint != settings::IngressEndpoint::default()).then(|| IngressEndpoint {
            ip: endpoint.ip.clone(),
            hostname: endpoint.hostname.clone(),
            published_service: endpoint.published_service.clone(),
        }),
        allow_empty_services: from.allow_empty_services,
        allow_external_name_services: from.allow_external_name_services,
        cross_provider_namespaces: from.cross_provider_namespaces.clone(),
        disable_ingress_class_lookup: from.disable_ingress_class_lookup,
        disable_cluster_scope_resources: from.disable_cluster_scope_resources,
        native_lb_by_default: from.native_lb_by_default,
        strict_prefix_matching: from.strict_prefix_matching,
        default_rule_syntax_v2: is_v2(settings),
    }
}

fn is_v2(settings: &Settings) -> bool {
    settings.core.default_rule_syntax == settings::RuleSyntax::V2
}

//! The translation of a backend of an Ingress: the servers behind a port of a Service.

use super::service_options::ServiceOptions;
use super::tree::InvalidOption;
use crate::translate::options::{IngressOptions, may_cross_providers};
use crate::translate::servers::{self, Addresses, Limits};
use crate::view::ingress::BackendPort;
use crate::view::service::ServiceType;
use crate::view::{ObjectKey, View};
use flow_model::config::{self, LoadBalancer, ServiceKind};
use flow_model::name::{Name, normalize};

/// A port of a Service, as an Ingress names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct BackendKey {
    pub(super) service: ObjectKey,
    pub(super) port: BackendPort,
}

/// The reason why a backend cannot be served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unserved {
    #[error(transparent)]
    Servers(#[from] servers::Unserved),
    #[error("Service {0}: {1}")]
    Option(ObjectKey, InvalidOption),
    #[error(
        "Service {0} refers to a serversTransport or middlewares, which crossProviderNamespaces does not allow in its namespace"
    )]
    CrossProvider(ObjectKey),
}

impl BackendKey {
    /// Returns the name of the resulting service: `namespace-service-port`.
    pub(super) fn service_name(&self) -> Name {
        normalize(&format!("{}-{}-{}", self.service.namespace, self.service.name, self.port)).into()
    }

    /// Returns the service behind it, and true if Nodes were read for it.
    pub(super) fn translate(&self, view: &View, options: &IngressOptions) -> (Result<config::Service, Unserved>, bool) {
        let mut reads_nodes = false;
        let result = self.build(view, options, &mut reads_nodes);
        (result, reads_nodes)
    }

    fn build(
        &self,
        view: &View,
        options: &IngressOptions,
        reads_nodes: &mut bool,
    ) -> Result<config::Service, Unserved> {
        let key = || self.service.clone();
        let service = view.service(&self.service).ok_or_else(|| servers::Unserved::NoService(key()))?;
        let limits = Limits {
            allow_empty: options.allow_empty_services,
            allow_external_name: options.allow_external_name_services,
            no_nodes: options.disable_cluster_scope_resources,
        };
        let port = servers::port(service, &self.port, limits)?;
        let wants = ServiceOptions::read(&service.annotations).map_err(|error| Unserved::Option(key(), error))?;
        let namespaces = options.cross_provider_namespaces.as_deref();
        let refers = !wants.servers_transport.is_empty() || !wants.middlewares.is_empty();
        if refers && !may_cross_providers(namespaces, &self.service.namespace) {
            return Err(Unserved::CrossProvider(key()));
        }
        let scheme = match wants.servers_scheme.as_str() {
            "" => servers::scheme_of(port),
            scheme => scheme,
        };
        let addresses = if wants.node_port_lb && service.kind == ServiceType::NodePort {
            Addresses::Nodes
        } else if wants.native_lb.unwrap_or(options.native_lb_by_default) {
            Addresses::Native
        } else {
            Addresses::Endpoints
        };
        *reads_nodes = addresses == Addresses::Nodes && !limits.no_nodes;
        let servers = servers::servers(view, service, (port, &self.port), scheme, addresses, limits)?;
        Ok(config::Service {
            kind: ServiceKind::LoadBalancer(LoadBalancer {
                servers,
                sticky: wants.sticky.map(Box::new),
                pass_host_header: wants.pass_host_header,
                servers_transport: wants.servers_transport,
                ..LoadBalancer::default()
            }),
            middlewares: wants.middlewares,
        })
    }
}

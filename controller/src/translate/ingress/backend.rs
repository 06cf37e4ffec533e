//! The translation of a backend of an Ingress: the servers behind a port of a Service.

use super::service_options::ServiceOptions;
use super::tree::InvalidOption;
use crate::translate::options::{IngressOptions, may_cross_providers};
use crate::view::ingress::BackendPort;
use crate::view::service::{ServicePort, ServiceType};
use crate::view::{ObjectKey, Service, View};
use flow_model::config::{self, LoadBalancer, Server, ServiceKind};
use flow_model::name::{Name, normalize};
use hashbrown::HashSet;

/// A port of a Service, as an Ingress names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct BackendKey {
    pub(super) service: ObjectKey,
    pub(super) port: BackendPort,
}

/// The reason why a backend cannot be served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unserved {
    #[error("Service {0} does not exist")]
    NoService(ObjectKey),
    #[error("Service {0} has no port {1}")]
    NoPort(ObjectKey, BackendPort),
    #[error("Service {0} port {1} has no endpoints")]
    NoEndpoints(ObjectKey, BackendPort),
    #[error("Service {0}: {1}")]
    Option(ObjectKey, InvalidOption),
    #[error("Service {0} is of the type ExternalName, which allowExternalNameServices does not allow")]
    ExternalName(ObjectKey),
    #[error(
        "Service {0} refers to a serversTransport or middlewares, which crossProviderNamespaces does not allow in its namespace"
    )]
    CrossProvider(ObjectKey),
    #[error("Service {0} wants nodePortLB, which needs Nodes, and disableClusterScopeResources is set")]
    NodesDisabled(ObjectKey),
    #[error("Service {0} wants nodePortLB, and no Node has an internal address")]
    NoNodes(ObjectKey),
    #[error("Service {0} wants nativeLB and has no cluster IP")]
    NoClusterIp(ObjectKey),
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
        let service = view.service(&self.service).ok_or_else(|| Unserved::NoService(key()))?;
        if service.kind == ServiceType::ExternalName && !options.allow_external_name_services {
            return Err(Unserved::ExternalName(key()));
        }
        let port = service.ports.iter().find(|port| match &self.port {
            BackendPort::Name(name) => port.name == *name,
            BackendPort::Number(number) => port.port == *number,
        });
        let port = port.ok_or_else(|| Unserved::NoPort(key(), self.port.clone()))?;
        let wants = ServiceOptions::read(&service.annotations).map_err(|error| Unserved::Option(key(), error))?;
        let namespaces = options.cross_provider_namespaces.as_deref();
        let refers = !wants.servers_transport.is_empty() || !wants.middlewares.is_empty();
        if refers && !may_cross_providers(namespaces, &self.service.namespace) {
            return Err(Unserved::CrossProvider(key()));
        }
        let scheme = match wants.servers_scheme.as_str() {
            "" if port.port == 443 || port.name.starts_with("https") => "https",
            "" => "http",
            scheme => scheme,
        };
        let servers = if wants.node_port_lb && service.kind == ServiceType::NodePort {
            if options.disable_cluster_scope_resources {
                return Err(Unserved::NodesDisabled(key()));
            }
            *reads_nodes = true;
            node_servers(view, scheme, port)
        } else if service.kind == ServiceType::ExternalName {
            vec![server(scheme, &service.external_name, port.port, false)]
        } else if wants.native_lb.unwrap_or(options.native_lb_by_default) {
            vec![native_server(service, scheme, port).ok_or_else(|| Unserved::NoClusterIp(key()))?]
        } else {
            endpoint_servers(view, &self.service, scheme, port)
        };
        if servers.is_empty() {
            if *reads_nodes {
                return Err(Unserved::NoNodes(key()));
            }
            if !options.allow_empty_services {
                return Err(Unserved::NoEndpoints(key(), self.port.clone()));
            }
        }
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

fn node_servers(view: &View, scheme: &str, port: &ServicePort) -> Vec<Server> {
    let nodes = view.nodes();
    let addresses = nodes.iter().flat_map(|node| node.internal_ips.iter());
    addresses.map(|address| server(scheme, address, port.node_port, false)).collect()
}

fn native_server(service: &Service, scheme: &str, port: &ServicePort) -> Option<Server> {
    let address = Some(&*service.cluster_ip).filter(|address| !address.is_empty() && *address != "None")?;
    Some(server(scheme, address, port.port, false))
}

/// Returns one server for each address of the Service's EndpointSlices whose port has the same name, without
/// duplicates.
fn endpoint_servers(view: &View, service: &ObjectKey, scheme: &str, port: &ServicePort) -> Vec<Server> {
    let mut servers = Vec::new();
    let mut seen = HashSet::<&str, foldhash::fast::RandomState>::default();
    for slice in view.endpoint_slices(service) {
        let Some(number) = slice.ports.iter().find(|candidate| candidate.name == port.name).map(|port| port.port)
        else {
            continue;
        };
        if number == 0 {
            continue;
        }
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.serving) {
            for address in endpoint.addresses.iter().filter(|address| seen.insert(address)) {
                servers.push(server(scheme, address, number, endpoint.terminating));
            }
        }
    }
    servers.shrink_to_fit();
    servers
}

fn server(scheme: &str, host: &str, port: i32, fenced: bool) -> Server {
    // As Go's net.JoinHostPort.
    let url = if host.contains([':', '%']) {
        format!("{scheme}://[{host}]:{port}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    Server { url, fenced, ..Server::default() }
}

//! The servers behind a port of a Service.

use crate::view::ingress::BackendPort;
use crate::view::service::{ServicePort, ServiceType};
use crate::view::{ObjectKey, Service, View};
use flow_model::config::Server;
use hashbrown::HashSet;

/// The reason why a port of a Service has no servers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unserved {
    #[error("Service {0} does not exist")]
    NoService(ObjectKey),
    #[error("Service {0} has no port {1}")]
    NoPort(ObjectKey, BackendPort),
    #[error("Service {0} port {1} has no endpoints")]
    NoEndpoints(ObjectKey, BackendPort),
    #[error("Service {0} is of the type ExternalName, which allowExternalNameServices does not allow")]
    ExternalName(ObjectKey),
    #[error("Service {0} wants nodePortLB, which needs Nodes, and disableClusterScopeResources is set")]
    NodesDisabled(ObjectKey),
    #[error("Service {0} wants nodePortLB, and no Node has an internal address")]
    NoNodes(ObjectKey),
    #[error("Service {0} wants nativeLB and has no cluster IP")]
    NoClusterIp(ObjectKey),
}

/// The addresses of a Service that are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Addresses {
    /// Those of its endpoints.
    Endpoints,
    /// Its own.
    Native,
    /// Those of the Nodes.
    Nodes,
}

/// The limits that a provider's options set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// True if a Service without endpoints is served.
    pub(super) allow_empty: bool,
    /// True if a Service of the type ExternalName is served.
    pub(super) allow_external_name: bool,
    /// True if Nodes are not read.
    pub(super) no_nodes: bool,
}

/// Returns the port of a Service that a reference names, if Services of its type are served.
pub(super) fn port<'a>(
    service: &'a Service,
    wanted: &BackendPort,
    limits: Limits,
) -> Result<&'a ServicePort, Unserved> {
    if service.kind == ServiceType::ExternalName && !limits.allow_external_name {
        return Err(Unserved::ExternalName(service.key.clone()));
    }
    let port = service.ports.iter().find(|port| match wanted {
        BackendPort::Name(name) => port.name == *name,
        BackendPort::Number(number) => port.port == *number,
    });
    port.ok_or_else(|| Unserved::NoPort(service.key.clone(), wanted.clone()))
}

/// Returns the servers at a [`port`] of a Service. `wanted` is the port as the reference names it.
pub(super) fn servers(
    view: &View,
    service: &Service,
    (port, wanted): (&ServicePort, &BackendPort),
    scheme: &str,
    addresses: Addresses,
    limits: Limits,
) -> Result<Vec<Server>, Unserved> {
    let key = || service.key.clone();
    if service.kind == ServiceType::ExternalName {
        return Ok(vec![server(scheme, &service.external_name, port.port, false)]);
    }
    match addresses {
        Addresses::Native => Ok(vec![native(service, scheme, port).ok_or_else(|| Unserved::NoClusterIp(key()))?]),
        Addresses::Nodes if limits.no_nodes => Err(Unserved::NodesDisabled(key())),
        Addresses::Nodes => {
            let servers = of_nodes(view, scheme, port);
            if servers.is_empty() { Err(Unserved::NoNodes(key())) } else { Ok(servers) }
        }
        Addresses::Endpoints => {
            let servers = of_endpoints(view, &service.key, scheme, port);
            if servers.is_empty() && !limits.allow_empty {
                return Err(Unserved::NoEndpoints(key(), wanted.clone()));
            }
            Ok(servers)
        }
    }
}

/// Returns the scheme of a port's servers if nothing names one.
pub(super) fn scheme_of(port: &ServicePort) -> &'static str {
    if port.port == 443 || port.name.starts_with("https") { "https" } else { "http" }
}

/// Returns one server for each internal address of a Node, at the port that every Node has for the Service.
fn of_nodes(view: &View, scheme: &str, port: &ServicePort) -> Vec<Server> {
    let nodes = view.nodes();
    let addresses = nodes.iter().flat_map(|node| node.internal_ips.iter());
    addresses.map(|address| server(scheme, address, port.node_port, false)).collect()
}

/// Returns the server at the Service's own address; `None` if it has none.
fn native(service: &Service, scheme: &str, port: &ServicePort) -> Option<Server> {
    let address = Some(&*service.cluster_ip).filter(|address| !address.is_empty() && *address != "None")?;
    Some(server(scheme, address, port.port, false))
}

/// Returns one server for each address of the Service's EndpointSlices whose port has the same name, without
/// duplicates.
fn of_endpoints(view: &View, service: &ObjectKey, scheme: &str, port: &ServicePort) -> Vec<Server> {
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

/// Returns the server at `host` and `port`; `fenced` as [`Server::fenced`].
fn server(scheme: &str, host: &str, port: i32, fenced: bool) -> Server {
    // As Go's net.JoinHostPort.
    let url = if host.contains([':', '%']) {
        format!("{scheme}://[{host}]:{port}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    Server { url, fenced, ..Server::default() }
}

//! The addresses that Ingresses are told to have.

use super::options::IngressOptions;
use crate::view::ingress::{Address, AddressPort};
use crate::view::service::{ServicePort, ServiceType};
use crate::view::{ObjectKey, View};

/// Why no address can be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoAddress {
    /// `ingressEndpoint` says nothing.
    #[error("ingressEndpoint needs an ip, a hostname or a publishedService")]
    Nothing,
    /// `publishedService` is no name of a Service.
    #[error("ingressEndpoint.publishedService {0:?} is not of the form namespace/service")]
    Format(String),
    /// There is no such Service.
    #[error("ingressEndpoint.publishedService: Service {0} does not exist")]
    NoService(ObjectKey),
    /// It is reached by Nodes, which may not be read.
    #[error(
        "ingressEndpoint.publishedService: Service {0} is of the type NodePort, and disableClusterScopeResources is set"
    )]
    NodesDisabled(ObjectKey),
}

/// The addresses for every Ingress that is ours. `None` where none are to be written: the option is not set, or the
/// Service has no address yet.
///
/// # Errors
/// Where the option cannot be followed.
pub fn addresses(view: &View, options: &IngressOptions) -> Result<Option<Vec<Address>>, NoAddress> {
    let Some(endpoint) = &options.ingress_endpoint else { return Ok(None) };
    if endpoint.published_service.is_empty() {
        if endpoint.ip.is_empty() && endpoint.hostname.is_empty() {
            return Err(NoAddress::Nothing);
        }
        return Ok(Some(vec![Address {
            ip: endpoint.ip.as_str().into(),
            hostname: endpoint.hostname.as_str().into(),
            ports: Box::default(),
        }]));
    }
    let key = published_service(options).ok_or_else(|| NoAddress::Format(endpoint.published_service.clone()))?;
    let service = view.service(&key).ok_or_else(|| NoAddress::NoService(key.clone()))?;
    let ports = |number: fn(&ServicePort) -> i32| -> Box<[AddressPort]> {
        service.ports.iter().map(|port| AddressPort { port: number(port), protocol: port.protocol.clone() }).collect()
    };
    let with_ports =
        |ip: &str, ports: &[AddressPort]| Address { ip: ip.into(), hostname: "".into(), ports: ports.into() };
    Ok(match service.kind {
        ServiceType::LoadBalancer => service.addresses.as_ref().map(|addresses| addresses.to_vec()),
        ServiceType::ClusterIp => {
            let ports = ports(|port| port.port);
            Some(service.external_ips.iter().map(|ip| with_ports(ip, &ports)).collect())
        }
        ServiceType::NodePort => {
            if options.disable_cluster_scope_resources {
                return Err(NoAddress::NodesDisabled(key));
            }
            let ports = ports(|port| port.node_port);
            let nodes = view.nodes();
            Some(nodes.iter().flat_map(|node| node.external_ips.iter()).map(|ip| with_ports(ip, &ports)).collect())
        }
        ServiceType::ExternalName => {
            Some(vec![Address { hostname: service.external_name.clone(), ..Address::default() }])
        }
    })
}

/// The Service whose address is published, so that it can be watched where it lives.
#[must_use]
pub fn published_service(options: &IngressOptions) -> Option<ObjectKey> {
    let text = &options.ingress_endpoint.as_ref()?.published_service;
    let (namespace, name) = text.split_once('/').filter(|(_, name)| !name.contains('/'))?;
    Some(ObjectKey::new(namespace, name))
}

/// Whether what an Ingress says is what it should say. As in Traefik, ports make no difference, nor does the order.
#[must_use]
pub fn is_current(told: &[Address], wanted: &[Address]) -> bool {
    let same = |a: &Address, b: &Address| a.ip == b.ip && a.hostname == b.hostname;
    told.len() == wanted.len() && wanted.iter().all(|wanted| told.iter().any(|told| same(told, wanted)))
}

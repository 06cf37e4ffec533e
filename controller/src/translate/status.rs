//! The addresses that are published for Ingresses.

use super::options::IngressOptions;
use crate::view::ingress::{Address, AddressPort};
use crate::view::service::{ServicePort, ServiceType};
use crate::view::{ObjectKey, View};

/// The reason why no address can be published.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoAddress {
    /// `publishedService` is not the name of a Service.
    #[error("ingressEndpoint.publishedService {0:?} is not of the form namespace/service")]
    Format(String),
    /// The Service does not exist.
    #[error("ingressEndpoint.publishedService: Service {0} does not exist")]
    NoService(ObjectKey),
    /// The Service is reached by Nodes, which may not be read.
    #[error(
        "ingressEndpoint.publishedService: Service {0} is of the type NodePort, and disableClusterScopeResources is set"
    )]
    NodesDisabled(ObjectKey),
}

/// Returns the addresses for every Ingress that is ours. `None` if none are to be written: the option is not set, or
/// the Service has no address yet.
///
/// # Errors
/// If the option cannot be applied: [`NoAddress`].
pub fn addresses(view: &View, options: &IngressOptions) -> Result<Option<Vec<Address>>, NoAddress> {
    let endpoint = &options.ingress_endpoint;
    if endpoint.is_empty() {
        return Ok(None);
    }
    if endpoint.published_service.is_empty() {
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
            let ips = nodes.iter().flat_map(|node| match options.report_node_internal_ips {
                true => node.internal_ips.iter(),
                false => node.external_ips.iter(),
            });
            Some(ips.map(|ip| with_ports(ip, &ports)).collect())
        }
        ServiceType::ExternalName => {
            Some(vec![Address { hostname: service.external_name.clone(), ..Address::default() }])
        }
    })
}

/// Returns the Service whose address is published, so that it can be watched in its namespace.
#[must_use]
pub fn published_service(options: &IngressOptions) -> Option<ObjectKey> {
    let text = &options.ingress_endpoint.published_service;
    let (namespace, name) = text.split_once('/').filter(|(_, name)| !name.contains('/'))?;
    Some(ObjectKey::new(namespace, name))
}

/// True if an Ingress has the addresses that it should have. As in Traefik, ports and order are ignored.
#[must_use]
pub fn is_current(current: &[Address], wanted: &[Address]) -> bool {
    let same = |a: &Address, b: &Address| a.ip == b.ip && a.hostname == b.hostname;
    current.len() == wanted.len() && wanted.iter().all(|wanted| current.iter().any(|current| same(current, wanted)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::translate::IngressEndpoint;
    use crate::view::Object;
    use serde_json::{Value, json};

    fn view(manifests: Vec<Value>) -> View {
        let mut view = View::default();
        for manifest in manifests {
            view.apply(Object::from_manifest(manifest).unwrap().unwrap());
        }
        view
    }

    fn service(spec: Value, status: Value) -> View {
        let node = |name: &str, address: &str| {
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": [
                {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": address},
            ]}})
        };
        let meta = json!({"name": "s", "namespace": "n"});
        view(vec![
            node("b", "2.2.2.2"),
            node("a", "1.1.1.1"),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec, "status": status}),
        ])
    }

    fn published(text: &str) -> IngressOptions {
        let ingress_endpoint = IngressEndpoint { published_service: text.to_owned(), ..IngressEndpoint::default() };
        IngressOptions { ingress_endpoint, ..IngressOptions::default() }
    }

    fn shown(addresses: &[Address]) -> Vec<String> {
        let port = |port: &AddressPort| format!(" {}/{}", port.port, port.protocol);
        let ports = |address: &Address| address.ports.iter().map(port).collect::<String>();
        addresses.iter().map(|address| format!("{}{}{}", address.ip, address.hostname, ports(address))).collect()
    }

    #[test]
    fn the_address_of_a_service_depends_on_its_type() {
        let ports = json!([{"port": 80, "nodePort": 30080}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]);
        let balancer = json!({"loadBalancer": {"ingress": [{"ip": "3.3.3.3"}, {"hostname": "lb.test"}]}});
        for (spec, status, wanted) in [
            (json!({"type": "LoadBalancer", "ports": ports}), balancer, Some(vec!["3.3.3.3", "lb.test"])),
            (json!({"type": "LoadBalancer", "ports": ports}), json!({"loadBalancer": {}}), None),
            (json!({"ports": ports, "externalIPs": ["4.4.4.4"]}), json!({}), Some(vec!["4.4.4.4 80/TCP 53/UDP"])),
            (json!({"ports": ports}), json!({}), Some(vec![])),
            (
                json!({"type": "NodePort", "ports": ports}),
                json!({}),
                Some(vec!["1.1.1.1 30080/TCP 30053/UDP", "2.2.2.2 30080/TCP 30053/UDP"]),
            ),
            (json!({"type": "ExternalName", "externalName": "e.test"}), json!({}), Some(vec!["e.test"])),
        ] {
            let found = addresses(&service(spec.clone(), status), &published("n/s")).unwrap();
            assert_eq!(
                found.as_deref().map(shown),
                wanted.map(|w| w.into_iter().map(str::to_owned).collect()),
                "{spec}"
            );
        }
    }

    #[test]
    fn the_internal_addresses_of_nodes_are_published_where_they_are_wanted() {
        let view = service(json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}), json!({}));
        let options = IngressOptions { report_node_internal_ips: true, ..published("n/s") };
        let found = addresses(&view, &options).unwrap().unwrap();
        assert_eq!(shown(&found), ["10.0.0.1 30080/TCP", "10.0.0.1 30080/TCP"]);
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        let view = service(json!({"type": "NodePort"}), json!({}));
        assert_eq!(addresses(&view, &IngressOptions::default()), Ok(None));
        assert_eq!(addresses(&view, &published("")), Ok(None));
        for text in ["s", "n/s/x"] {
            assert_eq!(addresses(&view, &published(text)), Err(NoAddress::Format(text.to_owned())));
        }
        assert_eq!(addresses(&view, &published("n/x")), Err(NoAddress::NoService(ObjectKey::new("n", "x"))));
        let restricted = IngressOptions { disable_cluster_scope_resources: true, ..published("n/s") };
        assert_eq!(addresses(&view, &restricted), Err(NoAddress::NodesDisabled(ObjectKey::new("n", "s"))));
    }

    #[test]
    fn literal_addresses_are_told_as_they_are() {
        let endpoint =
            IngressEndpoint { ip: "1.2.3.4".into(), hostname: "a.test".into(), ..IngressEndpoint::default() };
        let options = IngressOptions { ingress_endpoint: endpoint, ..IngressOptions::default() };
        let found = addresses(&View::default(), &options).unwrap().unwrap();
        assert_eq!((&*found[0].ip, &*found[0].hostname, found.len()), ("1.2.3.4", "a.test", 1));
    }

    #[test]
    fn a_status_is_current_whatever_its_order_and_ports() {
        let address = |ip: &str, ports: &[i32]| Address {
            ip: ip.into(),
            ports: ports.iter().map(|port| AddressPort { port: *port, protocol: "TCP".into() }).collect(),
            ..Address::default()
        };
        let current = [address("1.1.1.1", &[80]), address("2.2.2.2", &[])];
        assert!(is_current(&current, &[address("2.2.2.2", &[443]), address("1.1.1.1", &[])]));
        assert!(!is_current(&current, &[address("1.1.1.1", &[80])]));
        assert!(!is_current(&current, &[address("1.1.1.1", &[]), address("3.3.3.3", &[])]));
        assert!(is_current(&[], &[]));
    }
}

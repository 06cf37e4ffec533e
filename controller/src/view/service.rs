//! Services.

use super::ObjectKey;
use super::annotations::Annotations;
use super::ingress::{Address, AddressPort};
use super::kept::Kept;
use super::store::Keyed;
use k8s_openapi::api::core::v1 as core;

/// A Service: the fields that backends and the published address need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    /// Its key.
    pub key: ObjectKey,
    /// Its options.
    pub annotations: Annotations,
    /// `spec.type`
    pub kind: ServiceType,
    /// `spec.clusterIP`; `None` (the text) if it is headless.
    pub cluster_ip: Box<str>,
    /// `spec.externalIPs`
    pub external_ips: Box<[Box<str>]>,
    /// `spec.externalName`
    pub external_name: Box<str>,
    /// `spec.ports`
    pub ports: Box<[ServicePort]>,
    /// `status.loadBalancer.ingress`; `None` if there is no list.
    pub addresses: Option<Box<[Address]>>,
}

/// The type of a Service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServiceType {
    /// Within the cluster.
    ClusterIp,
    /// A name outside of it.
    ExternalName,
    /// By a load balancer.
    LoadBalancer,
    /// By a port of every node.
    NodePort,
}

/// A port of a Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServicePort {
    /// Its name; empty if it has none.
    pub name: Box<str>,
    /// Its number.
    pub port: i32,
    /// Its number on every node; zero if it has none.
    pub node_port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
}

impl Keyed for Service {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for Service {
    type Wire = core::Service;
}

impl From<&core::Service> for Service {
    fn from(object: &core::Service) -> Self {
        let spec = object.spec.as_ref();
        let text = |value: Option<&String>| value.map(String::as_str).unwrap_or_default().into();
        let balancer = object.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        Self {
            key: ObjectKey::of(&object.metadata),
            annotations: Annotations::of(&object.metadata),
            kind: match spec.and_then(|spec| spec.type_.as_deref()) {
                Some("ExternalName") => ServiceType::ExternalName,
                Some("LoadBalancer") => ServiceType::LoadBalancer,
                Some("NodePort") => ServiceType::NodePort,
                _ => ServiceType::ClusterIp,
            },
            cluster_ip: text(spec.and_then(|spec| spec.cluster_ip.as_ref())),
            external_ips: spec
                .and_then(|spec| spec.external_ips.as_deref())
                .unwrap_or_default()
                .iter()
                .map(|ip| ip.as_str().into())
                .collect(),
            external_name: text(spec.and_then(|spec| spec.external_name.as_ref())),
            ports: spec
                .and_then(|spec| spec.ports.as_deref())
                .unwrap_or_default()
                .iter()
                .map(|port| ServicePort {
                    name: text(port.name.as_ref()),
                    port: port.port,
                    node_port: port.node_port.unwrap_or_default(),
                    protocol: port.protocol.as_deref().unwrap_or("TCP").into(),
                })
                .collect(),
            addresses: balancer
                .and_then(|balancer| balancer.ingress.as_deref())
                .map(|addresses| addresses.iter().map(Into::into).collect()),
        }
    }
}

impl From<&core::LoadBalancerIngress> for Address {
    fn from(address: &core::LoadBalancerIngress) -> Self {
        let ports = address.ports.as_deref().unwrap_or_default();
        Self {
            ip: address.ip.as_deref().unwrap_or_default().into(),
            hostname: address.hostname.as_deref().unwrap_or_default().into(),
            ports: ports
                .iter()
                .map(|port| AddressPort { port: port.port, protocol: port.protocol.as_str().into() })
                .collect(),
        }
    }
}

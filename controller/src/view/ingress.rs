//! Ingresses.

use super::annotations::Annotations;
use super::kept::Kept;
use super::store::Keyed;
use super::{ObjectKey, Reference, created};
use k8s_openapi::api::networking::v1 as networking;

/// An Ingress: the fields that routing and its status need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ingress {
    /// Its key.
    pub key: ObjectKey,
    /// Its creation time, in seconds since 1970; of two that claim one name the older wins.
    pub created: i64,
    /// `spec.ingressClassName`
    pub class_name: Option<Box<str>>,
    /// Its options.
    pub annotations: Annotations,
    /// `spec.defaultBackend`
    pub default_backend: Option<Box<Backend>>,
    /// `spec.rules`
    pub rules: Box<[Rule]>,
    /// `spec.tls[].secretName`, without empty ones.
    pub tls_secrets: Box<[Box<str>]>,
    /// `status.loadBalancer.ingress`
    pub addresses: Box<[Address]>,
}

/// One rule of an Ingress.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// The host; empty means all.
    pub host: Box<str>,
    /// `http.paths`; empty if `http` is absent.
    pub paths: Box<[Path]>,
}

/// One path of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path {
    /// The path; empty means all.
    pub path: Box<str>,
    /// The way it is matched.
    pub kind: PathType,
    /// The destination of its requests.
    pub backend: Backend,
}

/// The way a path is matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathType {
    /// The whole path must be equal.
    Exact,
    /// The controller decides; also for absent and unknown values.
    ImplementationSpecific,
    /// The beginning must be equal.
    Prefix,
}

/// The destination of requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Backend {
    /// Neither a Service nor a resource is named.
    Missing,
    /// Another kind of object, which is not served.
    Resource,
    /// A port of a Service in the same namespace.
    Service {
        /// The Service's name.
        name: Box<str>,
        /// The port.
        port: BackendPort,
    },
}

/// A port of a Service: its name if it has one, else its number.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BackendPort {
    /// By name.
    Name(Box<str>),
    /// By number.
    Number(i32),
}

impl BackendPort {
    /// Returns the first in order.
    pub(crate) fn first() -> Self {
        Self::Name(Box::default())
    }
}

impl std::fmt::Display for BackendPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// One address under which clients reach an Ingress or a Service.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// IP address; empty if there is a name instead.
    pub ip: Box<str>,
    /// Host name; empty if there is an address instead.
    pub hostname: Box<str>,
    /// Ports, if given.
    pub ports: Box<[AddressPort]>,
}

/// A port of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressPort {
    /// Its number.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
}

impl Keyed for Ingress {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for Ingress {
    type Wire = networking::Ingress;

    fn references(&self) -> Vec<Reference> {
        self.tls_secrets.iter().map(|name| Reference::Secret(self.key.sibling(name))).collect()
    }
}

impl From<&networking::Ingress> for Ingress {
    fn from(object: &networking::Ingress) -> Self {
        let spec = object.spec.as_ref();
        let tls = spec.and_then(|spec| spec.tls.as_deref()).unwrap_or_default();
        Self {
            key: ObjectKey::of(&object.metadata),
            created: created(&object.metadata),
            class_name: spec.and_then(|spec| spec.ingress_class_name.as_deref()).map(Into::into),
            annotations: Annotations::of(&object.metadata),
            default_backend: spec
                .and_then(|spec| spec.default_backend.as_ref())
                .map(|backend| Box::new(backend.into())),
            rules: spec.and_then(|spec| spec.rules.as_deref()).unwrap_or_default().iter().map(Into::into).collect(),
            tls_secrets: tls
                .iter()
                .filter_map(|tls| tls.secret_name.as_deref())
                .filter(|name| !name.is_empty())
                .map(Into::into)
                .collect(),
            addresses: object
                .status
                .iter()
                .filter_map(|status| status.load_balancer.as_ref()?.ingress.as_deref())
                .flatten()
                .map(Into::into)
                .collect(),
        }
    }
}

impl From<&networking::IngressRule> for Rule {
    fn from(rule: &networking::IngressRule) -> Self {
        let paths = rule.http.as_ref().map(|http| http.paths.as_slice()).unwrap_or_default();
        Self {
            host: rule.host.as_deref().unwrap_or_default().into(),
            paths: paths
                .iter()
                .map(|path| Path {
                    path: path.path.as_deref().unwrap_or_default().into(),
                    kind: match path.path_type.as_str() {
                        "Exact" => PathType::Exact,
                        "Prefix" => PathType::Prefix,
                        _ => PathType::ImplementationSpecific,
                    },
                    backend: (&path.backend).into(),
                })
                .collect(),
        }
    }
}

impl From<&networking::IngressBackend> for Backend {
    fn from(backend: &networking::IngressBackend) -> Self {
        if backend.resource.is_some() {
            return Self::Resource;
        }
        let Some(service) = &backend.service else { return Self::Missing };
        let port = service.port.as_ref();
        Self::Service {
            name: service.name.as_str().into(),
            port: match port.and_then(|port| port.name.as_deref()).unwrap_or_default() {
                "" => BackendPort::Number(port.and_then(|port| port.number).unwrap_or_default()),
                name => BackendPort::Name(name.into()),
            },
        }
    }
}

impl From<&networking::IngressLoadBalancerIngress> for Address {
    fn from(address: &networking::IngressLoadBalancerIngress) -> Self {
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

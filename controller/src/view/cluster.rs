//! Kinds without a namespace.

use super::ObjectKey;
use super::kept::Kept;
use super::store::Keyed;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;

/// The name of our controller in IngressClasses.
pub const CONTROLLER: &str = "traefik.io/ingress-controller";

/// An IngressClass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IngressClass {
    /// Its name.
    pub key: ObjectKey,
    /// True if its controller is [`CONTROLLER`].
    pub ours: bool,
}

impl Keyed for IngressClass {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for IngressClass {
    type Wire = networking::IngressClass;
}

impl Keyed for Node {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for Node {
    type Wire = core::Node;
}

impl From<&networking::IngressClass> for IngressClass {
    fn from(object: &networking::IngressClass) -> Self {
        let controller = object.spec.as_ref().and_then(|spec| spec.controller.as_deref());
        Self { key: ObjectKey::of(&object.metadata), ours: controller == Some(CONTROLLER) }
    }
}

/// A Node: its addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Its name.
    pub key: ObjectKey,
    /// Addresses within the cluster.
    pub internal_ips: Box<[Box<str>]>,
    /// Addresses for clients outside.
    pub external_ips: Box<[Box<str>]>,
}

impl From<&core::Node> for Node {
    fn from(object: &core::Node) -> Self {
        let addresses = || object.status.iter().flat_map(|status| status.addresses.iter().flatten());
        let of = |kind| addresses().filter(|a| a.type_ == kind).map(|a| a.address.as_str().into()).collect();
        Self { key: ObjectKey::of(&object.metadata), internal_ips: of("InternalIP"), external_ips: of("ExternalIP") }
    }
}

//! Objects of the API server as those of [`flow_acme`].

use super::state::Class;
use flow_acme::objects::{Meta, Object, Owner, Secret};
use flow_acme::planner::{IngressFacts, IngressTls, NamespaceFacts, limits};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicObject;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Returns the part of an object's metadata that is used.
pub(crate) fn meta(from: ObjectMeta) -> Meta {
    let owner = |owner: k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference| Owner {
        api_version: owner.api_version,
        kind: owner.kind,
        name: owner.name,
        uid: owner.uid,
        controller: owner.controller,
        block_owner_deletion: owner.block_owner_deletion,
    };
    Meta {
        name: from.name.unwrap_or_default(),
        namespace: from.namespace.unwrap_or_default(),
        uid: from.uid.unwrap_or_default(),
        generation: from.generation.unwrap_or_default(),
        resource_version: from.resource_version.unwrap_or_default(),
        creation_timestamp: from.creation_timestamp.map(|time| time.0),
        deletion_timestamp: from.deletion_timestamp.map(|time| time.0),
        labels: from.labels.unwrap_or_default(),
        annotations: annotations(from.annotations),
        owner_references: from.owner_references.unwrap_or_default().into_iter().map(owner).collect(),
        finalizers: from.finalizers.unwrap_or_default(),
        applied: None,
    }
}

/// The whole object as `kubectl apply` last sent it: nobody reads it here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn annotations(from: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut annotations = from.unwrap_or_default();
    annotations.remove(LAST_APPLIED);
    annotations
}

/// Returns a custom resource; `None` if it does not fit its kind, which only a foreign definition of the kind lets in.
pub(crate) fn custom<S, T>(from: &DynamicObject) -> Option<Object<S, T>>
where
    S: DeserializeOwned,
    T: DeserializeOwned + Default,
{
    let metadata = meta(from.metadata.clone());
    let part = |name: &str| from.data.get(name).unwrap_or(&Value::Null);
    let read = S::deserialize(part("spec")).and_then(|spec| {
        let status = part("status");
        let status = if status.is_null() { T::default() } else { T::deserialize(status)? };
        Ok((spec, status))
    });
    match read {
        Ok((spec, status)) => Some(Object { metadata, spec, status }),
        Err(error) => {
            tracing::warn!(object = %metadata.key(), %error, "an object of cert-manager's API cannot be read and is left alone");
            None
        }
    }
}

/// Returns an Ingress that asks for certificates; `None` if it has no annotation that could.
pub(crate) fn ingress(from: &Ingress) -> Option<IngressFacts> {
    let asks = |name: &String| {
        name.starts_with("cert-manager.io/")
            || name.starts_with("acme.cert-manager.io/")
            || name == "kubernetes.io/tls-acme"
    };
    if !from.metadata.annotations.iter().flat_map(|annotations| annotations.keys()).any(asks) {
        return None;
    }
    let tls = from.spec.iter().flat_map(|spec| spec.tls.iter().flatten()).map(|block| IngressTls {
        hosts: block.hosts.clone().unwrap_or_default(),
        secret_name: block.secret_name.clone().unwrap_or_default(),
    });
    Some(IngressFacts { metadata: meta(from.metadata.clone()), tls: tls.collect() })
}

/// Returns a Namespace with limits; `None` if it has none.
pub(super) fn namespace(from: &core::Namespace) -> Option<NamespaceFacts> {
    let metadata = meta(from.metadata.clone());
    limits(&metadata).then_some(NamespaceFacts { metadata })
}

/// Returns an IngressClass.
pub(super) fn class(from: &IngressClass) -> Option<Class> {
    let ours = crate::view::IngressClass::from(from).ours;
    Some(Class { metadata: meta(from.metadata.clone()), ours })
}

/// Returns a Secret.
pub(crate) fn secret(from: &core::Secret) -> Secret {
    let data = from.data.iter().flatten().map(|(name, value)| (name.clone(), value.0.clone())).collect();
    Secret::new(meta(from.metadata.clone()), from.type_.clone().unwrap_or_default(), data)
}

/// Returns the version of an object. Versions are numbers that grow.
pub(crate) fn version(meta: &Meta) -> u64 {
    meta.resource_version.parse().unwrap_or_default()
}

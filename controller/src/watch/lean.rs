//! The kinds of which there are thousands, read without `metadata.managedFields`: half of an object as the API server
//! sends it, and not used here.

use k8s_openapi::api::core::v1::{Service, ServiceSpec, ServiceStatus};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::api::networking::v1::{Ingress, IngressSpec, IngressStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::Resource;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An object of the kind `K` without `managedFields`.
#[derive(Clone, Debug)]
pub(crate) struct Lean<K>(pub(crate) K);

impl<K: Resource<DynamicType = ()>> Resource for Lean<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

/// The part of an object's metadata that is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    uid: Option<String>,
}

impl From<Metadata> for ObjectMeta {
    fn from(from: Metadata) -> Self {
        Self {
            annotations: from.annotations,
            creation_timestamp: from.creation_timestamp,
            deletion_timestamp: from.deletion_timestamp,
            finalizers: from.finalizers,
            generation: from.generation,
            labels: from.labels,
            name: from.name,
            namespace: from.namespace,
            owner_references: from.owner_references,
            resource_version: from.resource_version,
            uid: from.uid,
            ..Self::default()
        }
    }
}

/// Reads a kind by a structure of its fields, metadata apart.
macro_rules! lean {
    ($kind:ident { $($field:ident: $type:ty),* }) => {
        impl<'de> Deserialize<'de> for Lean<$kind> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Fields {
                    #[serde(default)]
                    metadata: Metadata,
                    $(#[serde(default)] $field: $type,)*
                }
                let Fields { metadata, $($field),* } = Fields::deserialize(deserializer)?;
                Ok(Self($kind { metadata: metadata.into(), $($field),* }))
            }
        }
    };
}

lean!(EndpointSlice { address_type: String, endpoints: Option<Vec<Endpoint>>, ports: Option<Vec<EndpointPort>> });
lean!(Ingress { spec: Option<IngressSpec>, status: Option<IngressStatus> });
lean!(Service { spec: Option<ServiceSpec>, status: Option<ServiceStatus> });

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};
    use std::fmt::Debug;

    /// Returns the object as its own kind reads it, but for `managedFields`.
    fn same<K>(object: &Value) -> K
    where
        K: Resource<DynamicType = ()> + for<'de> Deserialize<'de> + PartialEq + Debug,
        Lean<K>: for<'de> Deserialize<'de>,
    {
        let Lean(lean) = serde_json::from_value::<Lean<K>>(object.clone()).unwrap();
        let mut whole: K = serde_json::from_value(object.clone()).unwrap();
        assert!(whole.meta_mut().managed_fields.take().is_some());
        assert_eq!(lean, whole);
        lean
    }

    fn metadata() -> Value {
        json!({
            "name": "a", "namespace": "web", "uid": "u", "resourceVersion": "7", "generation": 2,
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
            "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["f"],
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "v" }],
            "managedFields": [{ "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:spec": {} } }],
        })
    }

    #[test]
    fn all_but_managed_fields_is_read() {
        let ingress = same::<Ingress>(&json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata(),
            "spec": { "ingressClassName": "traefik", "rules": [{ "host": "a.test" }] },
            "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } },
        }));
        assert_eq!(ingress.spec.unwrap().ingress_class_name.as_deref(), Some("traefik"));
        let service = same::<Service>(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(), "status": { "loadBalancer": {} },
            "spec": { "type": "ClusterIP", "ports": [{ "port": 80, "targetPort": "http" }] },
        }));
        assert_eq!(service.spec.unwrap().ports.unwrap().len(), 1);
        let slice = same::<EndpointSlice>(&json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata(),
            "addressType": "IPv4", "ports": [{ "port": 80 }],
            "endpoints": [{ "addresses": ["192.0.2.1"], "conditions": { "ready": true } }],
        }));
        assert_eq!(slice.endpoints.unwrap().len(), 1);
    }

    #[test]
    fn bookmarks_and_lists_without_fields_are_read() {
        let bookmark = json!({ "kind": "Ingress", "metadata": { "resourceVersion": "9", "creationTimestamp": null }, "spec": null });
        let Lean(ingress) = serde_json::from_value::<Lean<Ingress>>(bookmark).unwrap();
        assert_eq!((ingress.metadata.resource_version.as_deref(), ingress.spec), (Some("9"), None));
        let null = json!({ "metadata": {}, "addressType": "IPv4", "endpoints": null });
        assert!(serde_json::from_value::<Lean<EndpointSlice>>(null).unwrap().0.endpoints.is_none());
    }

    #[test]
    fn a_field_of_a_wrong_type_is_an_error() {
        let object = json!({ "metadata": { "name": "a" }, "spec": { "rules": "none" } });
        assert!(serde_json::from_value::<Lean<Ingress>>(object).is_err());
    }
}

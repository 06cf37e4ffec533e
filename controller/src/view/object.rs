use super::ObjectKey;
use super::cluster::{IngressClass, Node};
use super::custom::Custom;
use super::endpoint_slice::EndpointSlice;
use super::ingress::Ingress;
use super::secret::{ConfigMap, Secret};
use super::service::Service;
use crate::crd::{Group, MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec};
use k8s_openapi::api::core::v1;
use k8s_openapi::api::{discovery::v1 as discovery, networking::v1 as networking};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The kinds of objects that are read.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the kinds' own names")]
pub enum Kind {
    ConfigMap,
    EndpointSlice,
    Ingress,
    IngressClass,
    Middleware(Group),
    Node,
    Secret,
    ServersTransport(Group),
    Service,
    TlsOption(Group),
    TlsStore(Group),
}

/// One object as it is kept.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the kinds' own names")]
pub enum Object {
    ConfigMap(ConfigMap),
    EndpointSlice(EndpointSlice),
    Ingress(Ingress),
    IngressClass(IngressClass),
    Middleware(Box<Custom<MiddlewareSpec>>),
    Node(Node),
    Secret(Secret),
    ServersTransport(Box<Custom<ServersTransportSpec>>),
    Service(Service),
    TlsOption(Custom<TlsOptionSpec>),
    TlsStore(Custom<TlsStoreSpec>),
}

/// The error for a manifest that is not a valid object of its kind.
#[derive(Debug, thiserror::Error)]
pub enum InvalidObject {
    /// `apiVersion`, `kind` or `metadata.name` is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field has a value of a wrong type.
    #[error("{kind} {name}: {path}: {source}")]
    Field {
        /// The kind.
        kind: String,
        /// The object's name.
        name: String,
        /// The path of the field.
        path: String,
        /// The problem.
        source: serde_json::Error,
    },
}

impl Object {
    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Ingress(_) => Kind::Ingress,
            Self::IngressClass(_) => Kind::IngressClass,
            Self::Middleware(object) => Kind::Middleware(object.group),
            Self::Node(_) => Kind::Node,
            Self::Secret(_) => Kind::Secret,
            Self::ServersTransport(object) => Kind::ServersTransport(object.group),
            Self::Service(_) => Kind::Service,
            Self::TlsOption(object) => Kind::TlsOption(object.group),
            Self::TlsStore(object) => Kind::TlsStore(object.group),
        }
    }

    /// Returns its key.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        match self {
            Self::ConfigMap(object) => &object.key,
            Self::EndpointSlice(object) => &object.key,
            Self::Ingress(object) => &object.key,
            Self::IngressClass(object) => &object.key,
            Self::Middleware(object) => &object.key,
            Self::Node(object) => &object.key,
            Self::Secret(object) => &object.key,
            Self::ServersTransport(object) => &object.key,
            Self::Service(object) => &object.key,
            Self::TlsOption(object) => &object.key,
            Self::TlsStore(object) => &object.key,
        }
    }

    /// Reads a whole object, as in a manifest; `None` for kinds that are not read. A namespaced object that names no
    /// namespace is in `default`.
    ///
    /// # Errors
    /// If it is not an object, or a field of a core kind has the wrong type. (Custom resources keep such errors in
    /// themselves.)
    pub fn from_manifest(mut manifest: Value) -> Result<Option<Self>, InvalidObject> {
        let text = |field| manifest.get(field).and_then(Value::as_str);
        let api_version = text("apiVersion").ok_or(InvalidObject::Missing("apiVersion"))?.to_owned();
        let kind = text("kind").ok_or(InvalidObject::Missing("kind"))?.to_owned();
        if let Some(group) = Group::of_api_version(&api_version) {
            if !matches!(kind.as_str(), "Middleware" | "ServersTransport" | "TLSOption" | "TLSStore") {
                return Ok(None);
            }
            let metadata = namespaced(parse(&kind, manifest.get("metadata").cloned().unwrap_or_default())?)?;
            let spec = manifest.get_mut("spec").map_or_else(|| Value::Object(serde_json::Map::new()), Value::take);
            return Ok(Self::custom(&kind, group, &metadata, spec));
        }
        Ok(Some(match (api_version.as_str(), kind.as_str()) {
            ("v1", "ConfigMap") => Self::ConfigMap(namespaced_core::<v1::ConfigMap, _>(&kind, manifest)?),
            ("v1", "Node") => Self::Node(Node::from(&core(&kind, manifest)?)),
            ("v1", "Secret") => Self::Secret(namespaced_core::<v1::Secret, _>(&kind, manifest)?),
            ("v1", "Service") => Self::Service(namespaced_core::<v1::Service, _>(&kind, manifest)?),
            ("discovery.k8s.io/v1", "EndpointSlice") => {
                Self::EndpointSlice(namespaced_core::<discovery::EndpointSlice, _>(&kind, manifest)?)
            }
            ("networking.k8s.io/v1", "Ingress") => {
                Self::Ingress(namespaced_core::<networking::Ingress, _>(&kind, manifest)?)
            }
            ("networking.k8s.io/v1", "IngressClass") => Self::IngressClass(IngressClass::from(&core(&kind, manifest)?)),
            _ => return Ok(None),
        }))
    }

    /// Reads a custom resource by its kind's name; `None` for kinds that are not read.
    #[must_use]
    pub fn custom(kind: &str, group: Group, metadata: &ObjectMeta, spec: Value) -> Option<Self> {
        Some(match kind {
            "Middleware" => Self::Middleware(Box::new(Custom::read(group, metadata, spec))),
            "ServersTransport" => Self::ServersTransport(Box::new(Custom::read(group, metadata, spec))),
            "TLSOption" => Self::TlsOption(Custom::read(group, metadata, spec)),
            "TLSStore" => Self::TlsStore(Custom::read(group, metadata, spec)),
            _ => return None,
        })
    }
}

fn core<T: DeserializeOwned>(kind: &str, manifest: Value) -> Result<T, InvalidObject> {
    if manifest.pointer("/metadata/name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(InvalidObject::Missing("metadata.name"));
    }
    parse(kind, manifest)
}

fn parse<T: DeserializeOwned>(kind: &str, value: Value) -> Result<T, InvalidObject> {
    let name = value.pointer("/metadata/name").or_else(|| value.get("name")).and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    serde_path_to_error::deserialize(value).map_err(|error| InvalidObject::Field {
        kind: kind.to_owned(),
        name,
        path: error.path().to_string(),
        source: error.into_inner(),
    })
}

fn namespaced_core<K, T>(kind: &str, manifest: Value) -> Result<T, InvalidObject>
where
    K: DeserializeOwned + kube::core::Resource,
    T: for<'a> From<&'a K>,
{
    let mut object: K = core(kind, manifest)?;
    *object.meta_mut() = namespaced(std::mem::take(object.meta_mut()))?;
    Ok(T::from(&object))
}

fn namespaced(mut metadata: ObjectMeta) -> Result<ObjectMeta, InvalidObject> {
    if metadata.name.as_deref().is_none_or(str::is_empty) {
        return Err(InvalidObject::Missing("metadata.name"));
    }
    metadata.namespace.get_or_insert_with(|| "default".to_owned());
    Ok(metadata)
}

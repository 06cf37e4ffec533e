//! Manifests of single kinds, and what is wrong with them.

use super::kept::{Kept, Scope as _};
use k8s_openapi::{Metadata as _, Resource};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// Reads an object of one of Kubernetes' own kinds.
pub(super) fn read<K>(kind: &str, manifest: Value) -> Result<K, InvalidObject>
where
    K: Kept + for<'a> From<&'a K::Wire>,
{
    wire::<K>(kind, manifest).map(|object| K::from(&object))
}

/// Reads an object of one of Kubernetes' own kinds in the API's own type.
///
/// # Errors
/// As [`Object::from_manifest`].
pub(crate) fn wire<K: Kept>(kind: &str, manifest: Value) -> Result<K::Wire, InvalidObject> {
    if manifest.pointer("/metadata/name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(InvalidObject::Missing("metadata.name"));
    }
    let mut object: K::Wire = parse(kind, manifest)?;
    if <K::Wire as Resource>::Scope::IS_NAMESPACED {
        *object.metadata_mut() = namespaced(std::mem::take(object.metadata_mut()))?;
    }
    Ok(object)
}

pub(super) fn parse<T: DeserializeOwned>(kind: &str, value: Value) -> Result<T, InvalidObject> {
    let name = value.pointer("/metadata/name").or_else(|| value.get("name")).and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    serde_path_to_error::deserialize(value).map_err(|error| InvalidObject::Field {
        kind: kind.to_owned(),
        name,
        path: error.path().to_string(),
        source: error.into_inner(),
    })
}

pub(super) fn namespaced(mut metadata: ObjectMeta) -> Result<ObjectMeta, InvalidObject> {
    if metadata.name.as_deref().is_none_or(str::is_empty) {
        return Err(InvalidObject::Missing("metadata.name"));
    }
    metadata.namespace.get_or_insert_with(|| "default".to_owned());
    Ok(metadata)
}

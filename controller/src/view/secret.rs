//! Secrets and ConfigMaps.

use super::kept::Kept;
use super::store::Keyed;
use super::{ObjectKey, Reference};
use k8s_openapi::api::core::v1 as core;
use std::collections::BTreeMap;
use std::fmt;

/// A Secret's type for a user name and a password.
pub const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

/// A Secret. Its values are never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret {
    /// Its key.
    pub key: ObjectKey,
    /// Its type.
    pub kind: Box<str>,
    /// Its values.
    pub data: BTreeMap<Box<str>, Box<[u8]>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Keyed for Secret {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for Secret {
    type Wire = core::Secret;

    fn kept_for(key: &ObjectKey) -> Option<Reference> {
        Some(Reference::Secret(key.clone()))
    }
}

impl Keyed for ConfigMap {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for ConfigMap {
    type Wire = core::ConfigMap;

    fn kept_for(key: &ObjectKey) -> Option<Reference> {
        Some(Reference::ConfigMap(key.clone()))
    }
}

impl From<&core::Secret> for Secret {
    /// Merges `stringData` into `data`, for manifests from files: an API server would have done so.
    fn from(object: &core::Secret) -> Self {
        let data = object.data.iter().flatten().map(|(key, value)| (key, value.0.as_slice()));
        let text = object.string_data.iter().flatten().map(|(key, value)| (key, value.as_bytes()));
        Self {
            key: ObjectKey::of(&object.metadata),
            kind: object.type_.as_deref().unwrap_or("Opaque").into(),
            data: data.chain(text).map(|(key, value)| (key.as_str().into(), value.into())).collect(),
        }
    }
}

/// A ConfigMap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigMap {
    /// Its key.
    pub key: ObjectKey,
    /// Its texts.
    pub data: BTreeMap<Box<str>, Box<str>>,
}

impl From<&core::ConfigMap> for ConfigMap {
    fn from(object: &core::ConfigMap) -> Self {
        let data = object.data.iter().flatten();
        Self {
            key: ObjectKey::of(&object.metadata),
            data: data.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
        }
    }
}

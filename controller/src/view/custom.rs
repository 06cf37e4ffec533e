//! Traefik's custom resources.

use super::references::Reference;
use super::{ObjectKey, created};
use crate::crd::{self, Fields, Group, MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A custom resource of Traefik's: its specification, or the reason why it is invalid.
///
/// Objects are read one by one from raw JSON, so that one that does not fit its type cannot stop the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom<T> {
    /// Its key.
    pub key: ObjectKey,
    /// Its API group.
    pub group: Group,
    /// Its creation time, in seconds since 1970.
    pub created: i64,
    /// Its specification, or the problem with it.
    pub spec: Result<T, String>,
    /// Findings about fields that have no effect.
    pub ignored: Box<[String]>,
}

impl<T: DeserializeOwned + Fields> Custom<T> {
    /// Reads the field `spec` of an object. Nulls mean absent fields, as for an API server.
    #[must_use]
    pub fn read(group: Group, metadata: &ObjectMeta, mut spec: Value) -> Self {
        without_nulls(&mut spec);
        let ignored = crd::of_spec::<T>(&spec).into_boxed_slice();
        let spec = serde_path_to_error::deserialize(spec).map_err(|error| match error.path().to_string().as_str() {
            "." => format!("spec: {}", error.inner()),
            path => format!("spec.{path}: {}", error.inner()),
        });
        Self { key: ObjectKey::of(metadata), group, created: created(metadata), spec, ignored }
    }
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// The references of a specification.
pub(super) trait References {
    /// Returns the Secrets and ConfigMaps that it names, in the namespace of `key`.
    fn references(&self, key: &ObjectKey) -> Vec<Reference>;
}

fn secrets<'a>(key: &ObjectKey, names: impl IntoIterator<Item = &'a str>) -> Vec<Reference> {
    names.into_iter().filter(|name| !name.is_empty()).map(|name| Reference::Secret(key.sibling(name))).collect()
}

impl References for MiddlewareSpec {
    fn references(&self, key: &ObjectKey) -> Vec<Reference> {
        let basic = self.basic_auth.iter().map(|auth| auth.secret.as_str());
        let forward = self.forward_auth.iter().filter_map(|auth| auth.tls.as_ref());
        let forward = forward.flat_map(|tls| [tls.ca_secret.as_str(), tls.cert_secret.as_str()]);
        secrets(key, basic.chain(forward))
    }
}

impl References for TlsOptionSpec {
    fn references(&self, key: &ObjectKey) -> Vec<Reference> {
        secrets(key, self.client_auth.secret_names.iter().map(String::as_str))
    }
}

impl References for TlsStoreSpec {
    fn references(&self, key: &ObjectKey) -> Vec<Reference> {
        let all = self.default_certificate.iter().chain(&self.certificates);
        secrets(key, all.map(|certificate| certificate.secret_name.as_str()))
    }
}

impl References for ServersTransportSpec {
    fn references(&self, key: &ObjectKey) -> Vec<Reference> {
        let authorities = self.root_cas.iter().filter_map(|ca| ca.secret.as_deref());
        let names = self.root_cas_secrets.iter().chain(&self.certificates_secrets).map(String::as_str);
        let mut all = secrets(key, authorities.chain(names));
        let config_maps = self.root_cas.iter().filter_map(|ca| ca.config_map.as_deref());
        all.extend(config_maps.map(|name| Reference::ConfigMap(key.sibling(name))));
        all
    }
}

/// The objects of one name: at most one of each group.
#[derive(Debug)]
pub(super) struct Versions<T> {
    pub(super) by_group: [Option<std::sync::Arc<Custom<T>>>; 2],
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self { by_group: [None, None] }
    }
}

impl<T> Versions<T> {
    pub(super) fn slot(&mut self, group: Group) -> &mut Option<std::sync::Arc<Custom<T>>> {
        let [io, containous] = &mut self.by_group;
        match group {
            Group::TraefikIo => io,
            Group::TraefikContainoUs => containous,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_group.iter().all(Option::is_none)
    }
}

//! Traefik's custom resources.

use super::annotations::CLASS;
use super::references::Reference;
use super::{ObjectKey, created};
use crate::crd::{self, Group, Named, Spec};
use kube::core::ObjectMeta;
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
    /// The class that its annotation names; empty if there is none.
    pub class: Box<str>,
    /// Its specification, or the problem with it.
    pub spec: Result<T, String>,
    /// Findings about fields that have no effect.
    pub ignored: Box<[String]>,
}

impl<T: Spec> Custom<T> {
    /// Reads the field `spec` of an object. Nulls mean absent fields, as for an API server.
    #[must_use]
    pub fn read(group: Group, metadata: &ObjectMeta, mut spec: Value) -> Self {
        without_nulls(&mut spec);
        let ignored = crd::of_spec::<T>(&spec).into_boxed_slice();
        let spec = serde_path_to_error::deserialize(spec).map_err(|error| match error.path().to_string().as_str() {
            "." => format!("spec: {}", error.inner()),
            path => format!("spec.{path}: {}", error.inner()),
        });
        let class = metadata.annotations.as_ref().and_then(|annotations| annotations.get(CLASS));
        let class = class.map_or("", String::as_str).into();
        Self { key: ObjectKey::of(metadata), group, created: created(metadata), class, spec, ignored }
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

impl<S: Spec> Custom<S> {
    /// Returns the Secrets and ConfigMaps that it names.
    pub(super) fn references(&self) -> Vec<Reference> {
        let reference = |named| match named {
            Named::ConfigMap("") | Named::Secret("") => None,
            Named::ConfigMap(name) => Some(Reference::ConfigMap(self.key.sibling(name))),
            Named::Secret(name) => Some(Reference::Secret(self.key.sibling(name))),
        };
        self.spec.iter().flat_map(|spec| spec.named()).filter_map(reference).collect()
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

//! The known state of the cluster, kept small: of every object only the fields that are read.
//!
//! The watches of a cluster, or the reader of a folder of manifests, fill a [`View`]; the translation reads it and
//! takes [`Dirty`] from it. Ten thousand Ingresses with their Services and EndpointSlices take twenty megabytes.

pub mod annotations;
pub mod cluster;
pub mod custom;
pub mod endpoint_slice;
pub mod ingress;
mod kept;
mod key;
mod kinds;
mod manifest;
mod object;
mod references;
pub mod secret;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

pub use cluster::{IngressClass, Node};
pub use custom::Custom;
pub use endpoint_slice::EndpointSlice;
pub use ingress::Ingress;
pub use key::{Keys, ObjectKey};
pub use kinds::{Dirty, Kind, Object};
pub use manifest::InvalidObject;
pub(crate) use manifest::wire;
pub use references::Reference;
pub use secret::{ConfigMap, Secret};
pub use service::Service;

use crate::crd::Group;
use hashbrown::HashMap;
use kept::{Placed, PlacedSpec};
use kinds::Stores;
use kube::core::ObjectMeta;
use references::Counts;
use smallvec::SmallVec;
use std::sync::Arc;

/// The objects of a cluster that are read, and the changes since the last translation.
#[derive(Debug, Default)]
pub struct View {
    stores: Stores,
    slices_of_service: HashMap<ObjectKey, SmallVec<[Arc<EndpointSlice>; 1]>, foldhash::fast::RandomState>,
    references: Counts,
    dirty: Dirty,
}

impl View {
    /// Stores a whole list of one kind, of one namespace or of all: objects that it does not hold are removed. True if
    /// that changed anything.
    pub fn replace(&mut self, kind: Kind, namespace: Option<&str>, objects: Vec<Object>) -> bool {
        let listed: Keys = objects.iter().map(|object| object.key().clone()).collect();
        let mut gone = self.keys(kind);
        gone.retain(|key| !listed.contains(key) && namespace.is_none_or(|namespace| *key.namespace == *namespace));
        let mut changed = false;
        for key in gone {
            changed |= self.delete(kind, &key);
        }
        for object in objects {
            changed |= object.kind() == kind && self.apply(object);
        }
        changed
    }

    /// True if an object names this Secret or ConfigMap: others need not be fetched, and are not kept.
    #[must_use]
    pub fn wants(&self, reference: &Reference) -> bool {
        self.references.contains(reference)
    }

    /// Returns all Secrets and ConfigMaps that are named.
    pub fn wanted(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter()
    }

    /// Returns those that became wanted since the last call: they may exist and were not kept when last seen.
    pub fn take_wanted(&mut self) -> Vec<Reference> {
        self.references.take_fresh()
    }

    /// Returns the changes since the last call, and starts anew.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// Returns the changes since the last [`Self::take_dirty`].
    #[must_use]
    pub const fn dirty(&self) -> &Dirty {
        &self.dirty
    }

    fn put<K: Placed>(&mut self, object: K) -> bool {
        if K::kept_for(object.key()).is_some_and(|reference| !self.wants(&reference)) {
            return false;
        }
        let (store, dirty) = K::store_mut(self);
        let Some((old, new)) = store.insert(object) else { return false };
        dirty.insert(new.told_as().clone());
        if let Some(old) = old.as_ref().filter(|old| old.told_as() != new.told_as()) {
            dirty.insert(old.told_as().clone());
        }
        self.account(old.as_ref().map(|old| old.references()).unwrap_or_default(), new.references());
        K::replaced(self, old.as_ref(), Some(&new));
        true
    }

    fn put_custom<S: PlacedSpec>(&mut self, object: Custom<S>) -> bool {
        let (store, dirty) = S::store_mut(self);
        let Some((old, new)) = store.insert(object) else { return false };
        dirty.insert(new.key.clone());
        self.account(old.map(|old| old.references()).unwrap_or_default(), new.references());
        true
    }

    fn remove<K: Placed>(&mut self, key: &ObjectKey) -> bool {
        let (store, dirty) = K::store_mut(self);
        let Some(old) = store.remove(key) else { return false };
        dirty.insert(old.told_as().clone());
        self.account(old.references(), Vec::new());
        K::replaced(self, Some(&old), None);
        true
    }

    fn remove_custom<S: PlacedSpec>(&mut self, group: Group, key: &ObjectKey) -> bool {
        let (store, dirty) = S::store_mut(self);
        let Some(old) = store.remove(group, key) else { return false };
        dirty.insert(key.clone());
        self.account(old.references(), Vec::new());
        true
    }

    /// Counts the references of an object anew, and drops objects that are no longer named.
    fn account(&mut self, old: Vec<Reference>, new: Vec<Reference>) {
        if old == new {
            return;
        }
        self.references.add(new);
        for unused in self.references.remove(old) {
            match unused {
                Reference::ConfigMap(key) => self.remove::<ConfigMap>(&key),
                Reference::Secret(key) => self.remove::<Secret>(&key),
            };
        }
    }
}

/// Access to the objects.
impl View {
    /// Returns a ConfigMap, of those that are wanted.
    #[must_use]
    pub fn config_map(&self, key: &ObjectKey) -> Option<&Arc<ConfigMap>> {
        self.stores.config_maps.get(key)
    }

    /// Returns the EndpointSlices of a Service, the oldest first.
    #[must_use]
    pub fn endpoint_slices(&self, service: &ObjectKey) -> &[Arc<EndpointSlice>] {
        self.slices_of_service.get(service).map_or(&[], |slices| slices.as_slice())
    }

    /// Returns an Ingress.
    #[must_use]
    pub fn ingress(&self, key: &ObjectKey) -> Option<&Arc<Ingress>> {
        self.stores.ingresses.get(key)
    }

    /// Returns all Ingresses, in no order.
    pub fn ingresses(&self) -> impl ExactSizeIterator<Item = &Arc<Ingress>> {
        self.stores.ingresses.values()
    }

    /// Returns an IngressClass.
    #[must_use]
    pub fn ingress_class(&self, name: &str) -> Option<&Arc<IngressClass>> {
        self.stores.ingress_classes.get(&ObjectKey::new("", name))
    }

    /// Returns all Nodes by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<&Arc<Node>> {
        let mut nodes: Vec<_> = self.stores.nodes.values().collect();
        nodes.sort_by(|a, b| a.key.cmp(&b.key));
        nodes
    }

    /// Returns a Secret, of those that are wanted.
    #[must_use]
    pub fn secret(&self, key: &ObjectKey) -> Option<&Arc<Secret>> {
        self.stores.secrets.get(key)
    }

    /// Returns a Service.
    #[must_use]
    pub fn service(&self, key: &ObjectKey) -> Option<&Arc<Service>> {
        self.stores.services.get(key)
    }

    /// Returns a custom resource of the first group that has it, then that of the other.
    #[must_use]
    pub(crate) fn custom<S: PlacedSpec>(&self, key: &ObjectKey) -> [Option<&Arc<Custom<S>>>; 2] {
        S::store(self).preferred(key)
    }
}

/// Returns the creation time of an object, in seconds since 1970; zero if unknown.
fn created(metadata: &ObjectMeta) -> i64 {
    metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second())
}

//! The known state of the cluster, kept small: of every object only the fields that are read.
//!
//! The watches of a cluster, or the reader of a folder of manifests, fill a [`View`]; the translation reads it and
//! takes [`Dirty`] from it. Ten thousand Ingresses with their Services and EndpointSlices take twenty megabytes.

pub mod annotations;
pub mod cluster;
pub mod custom;
mod dirty;
pub mod endpoint_slice;
pub mod ingress;
mod key;
mod object;
mod references;
pub mod secret;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

pub use cluster::{IngressClass, Node};
pub use custom::Custom;
pub use dirty::{Dirty, Keys};
pub use endpoint_slice::EndpointSlice;
pub use ingress::Ingress;
pub use key::ObjectKey;
pub use object::{InvalidObject, Kind, Object};
pub use references::Reference;
pub use secret::{ConfigMap, Secret};
pub use service::Service;

use crate::crd::{Group, MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec};
use hashbrown::HashMap;
use kube::core::ObjectMeta;
use references::Counts;
use smallvec::SmallVec;
use std::sync::Arc;
use store::{CustomStore, Keyed, Store, insert_custom, remove_custom};

/// The objects of a cluster that are read, and the changes since the last translation.
#[derive(Debug, Default)]
pub struct View {
    config_maps: Store<ConfigMap>,
    endpoint_slices: Store<EndpointSlice>,
    slices_of_service: HashMap<ObjectKey, SmallVec<[Arc<EndpointSlice>; 1]>, foldhash::fast::RandomState>,
    ingress_classes: Store<IngressClass>,
    ingresses: Store<Ingress>,
    middlewares: CustomStore<MiddlewareSpec>,
    nodes: Store<Node>,
    references: Counts,
    secrets: Store<Secret>,
    servers_transports: CustomStore<ServersTransportSpec>,
    services: Store<Service>,
    tls_options: CustomStore<TlsOptionSpec>,
    tls_stores: CustomStore<TlsStoreSpec>,
    dirty: Dirty,
}

impl View {
    /// Stores an object, new or changed. True if that changed anything that is read.
    ///
    /// A Secret or ConfigMap that no object names is not kept: see [`Self::wants`] and [`Self::take_wanted`].
    pub fn apply(&mut self, object: Object) -> bool {
        match object {
            Object::ConfigMap(object) => {
                self.wants(&Reference::ConfigMap(object.key.clone()))
                    && self.config_maps.insert(object, &mut self.dirty.config_maps)
            }
            Object::EndpointSlice(object) => self.apply_slice(object),
            Object::Ingress(object) => {
                let references = ingress_references(&object);
                let old = self.ingresses.get(&object.key).map(|old| ingress_references(old));
                let changed = self.ingresses.insert(object, &mut self.dirty.ingresses);
                if changed && old.as_ref() != Some(&references) {
                    self.references.add(references);
                    self.forget(old.unwrap_or_default());
                }
                changed
            }
            Object::IngressClass(object) => {
                let mut keys = Keys::default();
                let changed = self.ingress_classes.insert(object, &mut keys);
                self.dirty.ingress_classes |= changed;
                changed
            }
            Object::Middleware(object) => {
                let outcome = insert_custom(&mut self.middlewares, *object, &mut self.dirty.middlewares);
                self.account(outcome)
            }
            Object::Node(object) => {
                let mut keys = Keys::default();
                let changed = self.nodes.insert(object, &mut keys);
                self.dirty.nodes |= changed;
                changed
            }
            Object::Secret(object) => {
                self.wants(&Reference::Secret(object.key.clone()))
                    && self.secrets.insert(object, &mut self.dirty.secrets)
            }
            Object::ServersTransport(object) => {
                let outcome = insert_custom(&mut self.servers_transports, *object, &mut self.dirty.servers_transports);
                self.account(outcome)
            }
            Object::Service(object) => self.services.insert(object, &mut self.dirty.services),
            Object::TlsOption(object) => {
                let outcome = insert_custom(&mut self.tls_options, object, &mut self.dirty.tls_options);
                self.account(outcome)
            }
            Object::TlsStore(object) => {
                let outcome = insert_custom(&mut self.tls_stores, object, &mut self.dirty.tls_stores);
                self.account(outcome)
            }
        }
    }

    /// Removes an object. True if it was known.
    pub fn delete(&mut self, kind: Kind, key: &ObjectKey) -> bool {
        match kind {
            Kind::ConfigMap => self.config_maps.remove(key, &mut self.dirty.config_maps).is_some(),
            Kind::EndpointSlice => {
                let Some(old) = self.endpoint_slices.remove(key, &mut Keys::default()) else { return false };
                self.unlink_slice(&old);
                self.dirty.services.insert(old.service.clone());
                true
            }
            Kind::Ingress => {
                let Some(old) = self.ingresses.remove(key, &mut self.dirty.ingresses) else { return false };
                self.forget(ingress_references(&old));
                true
            }
            Kind::IngressClass => {
                let known = self.ingress_classes.remove(key, &mut Keys::default()).is_some();
                self.dirty.ingress_classes |= known;
                known
            }
            Kind::Middleware(group) => {
                let outcome = remove_custom(&mut self.middlewares, group, key, &mut self.dirty.middlewares);
                self.account(outcome)
            }
            Kind::Node => {
                let known = self.nodes.remove(key, &mut Keys::default()).is_some();
                self.dirty.nodes |= known;
                known
            }
            Kind::Secret => self.secrets.remove(key, &mut self.dirty.secrets).is_some(),
            Kind::ServersTransport(group) => {
                let dirty = &mut self.dirty.servers_transports;
                let outcome = remove_custom(&mut self.servers_transports, group, key, dirty);
                self.account(outcome)
            }
            Kind::Service => self.services.remove(key, &mut self.dirty.services).is_some(),
            Kind::TlsOption(group) => {
                let outcome = remove_custom(&mut self.tls_options, group, key, &mut self.dirty.tls_options);
                self.account(outcome)
            }
            Kind::TlsStore(group) => {
                let outcome = remove_custom(&mut self.tls_stores, group, key, &mut self.dirty.tls_stores);
                self.account(outcome)
            }
        }
    }

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

    /// Returns the keys of the objects of one kind.
    #[must_use]
    pub fn keys(&self, kind: Kind) -> Vec<ObjectKey> {
        match kind {
            Kind::ConfigMap => self.config_maps.keys().collect(),
            Kind::EndpointSlice => self.endpoint_slices.keys().collect(),
            Kind::Ingress => self.ingresses.keys().collect(),
            Kind::IngressClass => self.ingress_classes.keys().collect(),
            Kind::Middleware(group) => store::keys_of(&self.middlewares, group),
            Kind::Node => self.nodes.keys().collect(),
            Kind::Secret => self.secrets.keys().collect(),
            Kind::ServersTransport(group) => store::keys_of(&self.servers_transports, group),
            Kind::Service => self.services.keys().collect(),
            Kind::TlsOption(group) => store::keys_of(&self.tls_options, group),
            Kind::TlsStore(group) => store::keys_of(&self.tls_stores, group),
        }
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

    fn apply_slice(&mut self, object: EndpointSlice) -> bool {
        let (key, service) = (object.key.clone(), object.service.clone());
        let old = self.endpoint_slices.get(&key).cloned();
        if !self.endpoint_slices.insert(object, &mut Keys::default()) {
            return false;
        }
        if let Some(old) = old {
            self.unlink_slice(&old);
            self.dirty.services.insert(old.service.clone());
        }
        let Some(slice) = self.endpoint_slices.get(&key).cloned() else { return false };
        self.dirty.services.insert(service.clone());
        let slices = self.slices_of_service.entry(service).or_default();
        slices.push(slice);
        // As in Traefik: by age, then by name, so that endpoints keep their order.
        slices.sort_by(|a, b| (a.created, &a.key.name).cmp(&(b.created, &b.key.name)));
        true
    }

    fn unlink_slice(&mut self, old: &EndpointSlice) {
        let Some(slices) = self.slices_of_service.get_mut(&old.service) else { return };
        slices.retain(|slice| slice.key != old.key);
        if slices.is_empty() {
            self.slices_of_service.remove(&old.service);
        }
    }

    fn account(&mut self, (changed, old, new): (bool, Vec<Reference>, Vec<Reference>)) -> bool {
        self.references.add(new);
        self.forget(old);
        changed
    }

    /// Drops objects that are no longer named.
    fn forget(&mut self, references: Vec<Reference>) {
        for unused in self.references.remove(references) {
            match unused {
                Reference::ConfigMap(key) => self.delete(Kind::ConfigMap, &key),
                Reference::Secret(key) => self.delete(Kind::Secret, &key),
            };
        }
    }
}

/// Access to the objects.
impl View {
    /// Returns a ConfigMap, of those that are wanted.
    #[must_use]
    pub fn config_map(&self, key: &ObjectKey) -> Option<&Arc<ConfigMap>> {
        self.config_maps.get(key)
    }

    /// Returns the EndpointSlices of a Service, the oldest first.
    #[must_use]
    pub fn endpoint_slices(&self, service: &ObjectKey) -> &[Arc<EndpointSlice>] {
        self.slices_of_service.get(service).map_or(&[], |slices| slices.as_slice())
    }

    /// Returns an Ingress.
    #[must_use]
    pub fn ingress(&self, key: &ObjectKey) -> Option<&Arc<Ingress>> {
        self.ingresses.get(key)
    }

    /// Returns all Ingresses, in no order.
    pub fn ingresses(&self) -> impl ExactSizeIterator<Item = &Arc<Ingress>> {
        self.ingresses.values()
    }

    /// Returns an IngressClass.
    #[must_use]
    pub fn ingress_class(&self, name: &str) -> Option<&Arc<IngressClass>> {
        self.ingress_classes.get(&ObjectKey::new("", name))
    }

    /// Returns all Nodes by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<&Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.values().collect();
        nodes.sort_by(|a, b| a.key.cmp(&b.key));
        nodes
    }

    /// Returns a Secret, of those that are wanted.
    #[must_use]
    pub fn secret(&self, key: &ObjectKey) -> Option<&Arc<Secret>> {
        self.secrets.get(key)
    }

    /// Returns a Service.
    #[must_use]
    pub fn service(&self, key: &ObjectKey) -> Option<&Arc<Service>> {
        self.services.get(key)
    }

    /// Returns a Middleware of the first group that has it, then that of the other.
    #[must_use]
    pub fn middleware(&self, key: &ObjectKey) -> [Option<&Arc<Custom<MiddlewareSpec>>>; 2] {
        store::preferred(&self.middlewares, key)
    }

    /// Returns a ServersTransport, likewise.
    #[must_use]
    pub fn servers_transport(&self, key: &ObjectKey) -> [Option<&Arc<Custom<ServersTransportSpec>>>; 2] {
        store::preferred(&self.servers_transports, key)
    }

    /// Returns a TLSOption, likewise.
    #[must_use]
    pub fn tls_option(&self, key: &ObjectKey) -> [Option<&Arc<Custom<TlsOptionSpec>>>; 2] {
        store::preferred(&self.tls_options, key)
    }

    /// Returns a TLSStore, likewise.
    #[must_use]
    pub fn tls_store(&self, key: &ObjectKey) -> [Option<&Arc<Custom<TlsStoreSpec>>>; 2] {
        store::preferred(&self.tls_stores, key)
    }
}

/// Implements [`Keyed`] for kinds that have a `key`.
macro_rules! keyed {
    ($($kind:ty),*) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &ObjectKey {
                &self.key
            }
        }
    )*};
}

keyed!(ConfigMap, EndpointSlice, Ingress, IngressClass, Node, Secret, Service);

fn ingress_references(ingress: &Ingress) -> Vec<Reference> {
    ingress.tls_secrets.iter().map(|name| Reference::Secret(ingress.key.sibling(name))).collect()
}

/// Returns the creation time of an object, in seconds since 1970; zero if unknown.
fn created(metadata: &ObjectMeta) -> i64 {
    metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second())
}

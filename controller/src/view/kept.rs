//! A kind of object of the API itself, as it is kept.

use super::store::{CustomStore, Keyed, Store};
use super::{Keys, ObjectKey, Reference, View};
use crate::crd::Spec;
use k8s_openapi::{ClusterResourceScope, Metadata, NamespaceResourceScope};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A kind of object, of which only the fields that are read are kept.
pub(crate) trait Kept: Keyed + PartialEq + Sized {
    /// The API's own type.
    type Wire: DeserializeOwned + Metadata<Ty = ObjectMeta, Scope: Scope>;

    /// Returns the key by which a change is told: its own, or that of the object that it is a part of.
    fn told_as(&self) -> &ObjectKey {
        self.key()
    }

    /// Returns the Secrets and ConfigMaps that it names.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Returns the reference without which an object is not kept, for kinds of which only named ones are.
    fn kept_for(_key: &ObjectKey) -> Option<Reference> {
        None
    }

    /// Follows a change of the objects in what is derived from them.
    fn replaced(_view: &mut View, _old: Option<&Arc<Self>>, _new: Option<&Arc<Self>>) {}
}

/// The scope of a kind.
pub(crate) trait Scope {
    /// True if its objects are in namespaces.
    const IS_NAMESPACED: bool;
}

impl Scope for ClusterResourceScope {
    const IS_NAMESPACED: bool = false;
}

impl Scope for NamespaceResourceScope {
    const IS_NAMESPACED: bool = true;
}

/// The place of a kind in a view.
pub(super) trait Placed: Kept {
    /// Returns the objects, and the keys of those that changed.
    fn store_mut(view: &mut View) -> (&mut Store<Self>, &mut Keys);
}

/// The place of a custom kind in a view.
pub(crate) trait PlacedSpec: Spec {
    fn store(view: &View) -> &CustomStore<Self>;

    /// Returns the objects, and the keys of those that changed.
    fn store_mut(view: &mut View) -> (&mut CustomStore<Self>, &mut Keys);
}

//! Maps objects to the routers made from them, which must be rebuilt when the object changes.

use super::lookup::{Dependency, ObjectRef};
use flow_model::name::Name;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// Routers by the objects they are made from. A router's name must always be the same `Arc`.
#[derive(Debug, Default)]
pub(super) struct Dependents(HashMap<ObjectRef, SmallVec<[Name; 1]>, foldhash::fast::RandomState>);

impl Dependents {
    /// Updates a router's objects. Returns those that no router is made from any more.
    pub(super) fn replace<D: Dependency>(&mut self, router: &Name, before: &[D], now: &[D]) -> Vec<ObjectRef> {
        let mut unused = Vec::new();
        if before.len() == now.len() && before.iter().zip(now).all(|(a, b)| a.object() == b.object()) {
            return unused;
        }
        for object in now.iter().map(D::object) {
            let users = self.0.entry(object).or_default();
            if !users.iter().any(|user| Arc::ptr_eq(user, router)) {
                users.push(Name::clone(router));
            }
        }
        for object in before.iter().map(D::object).filter(|object| now.iter().all(|kept| kept.object() != *object)) {
            let Some(users) = self.0.get_mut(&object) else { continue };
            if let Some(index) = users.iter().position(|user| Arc::ptr_eq(user, router)) {
                users.swap_remove(index);
            }
            if users.is_empty() {
                self.0.remove(&object);
                unused.push(object);
            }
        }
        unused
    }

    /// The routers that are made from this object.
    pub(super) fn of(&self, object: &ObjectRef) -> &[Name] {
        self.0.get(object).map_or(&[], |users| users)
    }
}

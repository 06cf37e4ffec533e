//! Maps objects to the routers made from them, which must be rebuilt when the object changes.

use super::lookup::{Dependency, On};
use flow_model::name::Name;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// Routers by the objects they are made from. A router's name must always be the same `Arc`.
#[derive(Debug, Default)]
pub(super) struct Users(HashMap<On, SmallVec<[Name; 1]>, foldhash::fast::RandomState>);

impl Users {
    /// Updates a router's objects. Returns those that no router is made from any more.
    pub(super) fn replace(&mut self, router: &Name, before: &[Dependency], now: &[Dependency]) -> Vec<On> {
        let mut unused = Vec::new();
        if before.len() == now.len() && before.iter().zip(now).all(|(a, b)| a.on() == b.on()) {
            return unused;
        }
        for on in now.iter().map(Dependency::on) {
            let users = self.0.entry(on).or_default();
            if !users.iter().any(|user| Arc::ptr_eq(user, router)) {
                users.push(Name::clone(router));
            }
        }
        for on in before.iter().map(Dependency::on).filter(|on| now.iter().all(|kept| kept.on() != *on)) {
            let Some(users) = self.0.get_mut(&on) else { continue };
            if let Some(index) = users.iter().position(|user| Arc::ptr_eq(user, router)) {
                users.swap_remove(index);
            }
            if users.is_empty() {
                self.0.remove(&on);
                unused.push(on);
            }
        }
        unused
    }

    /// The routers that are made from this object.
    pub(super) fn of(&self, on: &On) -> &[Name] {
        self.0.get(on).map_or(&[], |users| users)
    }
}

use crate::objects::{HasMeta, Meta};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Objects by what they belong to. Those of a group are in the order of their keys.
pub(super) struct Groups<K, T>(HashMap<K, Vec<Arc<T>>>);

impl<K, T> Default for Groups<K, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

fn order(meta: &Meta) -> (&str, &str) {
    (&meta.namespace, &meta.name)
}

impl<K: Hash + Eq, T: HasMeta> Groups<K, T> {
    /// Returns the objects of a group.
    pub(super) fn of<Q: Hash + Eq + ?Sized>(&self, group: &Q) -> &[Arc<T>]
    where
        K: Borrow<Q>,
    {
        self.0.get(group).map_or(&[], Vec::as_slice)
    }

    /// Moves an object from the groups of its last version to those of its present one.
    pub(super) fn replace<I: IntoIterator<Item = K>>(
        &mut self,
        old: Option<&Arc<T>>,
        new: Option<&Arc<T>>,
        groups: impl Fn(&T) -> I,
    ) {
        if let Some(old) = old {
            for group in groups(old) {
                self.remove(&group, old.meta());
            }
        }
        if let Some(new) = new {
            for group in groups(new) {
                let members = self.0.entry(group).or_insert_with(|| Vec::with_capacity(1));
                match members.binary_search_by(|member| order(member.meta()).cmp(&order(new.meta()))) {
                    Ok(at) => members[at] = Arc::clone(new),
                    Err(at) => members.insert(at, Arc::clone(new)),
                }
            }
        }
    }

    fn remove(&mut self, group: &K, meta: &Meta) {
        let Some(members) = self.0.get_mut(group) else { return };
        members.retain(|member| order(member.meta()) != order(meta));
        if members.is_empty() {
            self.0.remove(group);
        }
    }
}

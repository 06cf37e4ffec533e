use super::custom::{Custom, Versions};
use super::{Group, ObjectKey};
use crate::crd::Spec;
use foldhash::fast::RandomState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher as _;
use std::sync::Arc;

/// An object that knows its key.
pub(crate) trait Keyed {
    /// Returns its key.
    fn key(&self) -> &ObjectKey;
}

/// The objects of one kind, by their own keys: of tens of thousands of keys, none is stored twice.
#[derive(Debug)]
pub(super) struct Store<T> {
    objects: HashTable<Arc<T>>,
    hasher: RandomState,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { objects: HashTable::new(), hasher: RandomState::default() }
    }
}

/// A change of an object: the one before, and the one now.
pub(super) type Replaced<T> = (Option<Arc<T>>, Arc<T>);

impl<T: Keyed + PartialEq> Store<T> {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Arc<T>> {
        self.objects.find(self.hasher.hash_one(key), |object| object.key() == key)
    }

    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &Arc<T>> {
        self.objects.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = ObjectKey> {
        self.values().map(|object| object.key().clone())
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        let found = self.objects.find_entry(self.hasher.hash_one(key), |object| object.key() == key);
        Some(found.ok()?.remove().0)
    }

    /// Inserts an object; `None` if it equals the earlier one.
    pub(super) fn insert(&mut self, object: T) -> Option<Replaced<T>> {
        let Self { objects, hasher } = self;
        let key = object.key();
        let entry =
            objects.entry(hasher.hash_one(key), |other| other.key() == key, |other| hasher.hash_one(other.key()));
        match entry {
            Entry::Occupied(known) if **known.get() == object => None,
            Entry::Occupied(mut known) => {
                let new = Arc::new(object);
                let old = std::mem::replace(known.get_mut(), Arc::clone(&new));
                Some((Some(old), new))
            }
            Entry::Vacant(vacant) => {
                let new = Arc::new(object);
                vacant.insert(Arc::clone(&new));
                Some((None, new))
            }
        }
    }
}

/// The custom resources of one kind, of both groups.
#[derive(Debug)]
pub(crate) struct CustomStore<S>(HashMap<ObjectKey, Versions<S>, RandomState>);

impl<S> Default for CustomStore<S> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<S: Spec> CustomStore<S> {
    /// Inserts an object; `None` if it equals the earlier one.
    pub(super) fn insert(&mut self, object: Custom<S>) -> Option<Replaced<Custom<S>>> {
        let slot = self.0.entry(object.key.clone()).or_default().slot(object.group);
        if slot.as_deref() == Some(&object) {
            return None;
        }
        let new = Arc::new(object);
        Some((slot.replace(Arc::clone(&new)), new))
    }

    pub(super) fn remove(&mut self, group: Group, key: &ObjectKey) -> Option<Arc<Custom<S>>> {
        let versions = self.0.get_mut(key)?;
        let old = versions.slot(group).take()?;
        if versions.is_empty() {
            self.0.remove(key);
        }
        Some(old)
    }

    pub(super) fn keys(&self, group: Group) -> Vec<ObjectKey> {
        let has = |versions: &Versions<S>| versions.by_group.iter().flatten().any(|object| object.group == group);
        self.0.iter().filter(|(_, versions)| has(versions)).map(|(key, _)| key.clone()).collect()
    }

    /// Returns the objects of one name, the preferred group's first.
    pub(super) fn preferred(&self, key: &ObjectKey) -> [Option<&Arc<Custom<S>>>; 2] {
        let Some(versions) = self.0.get(key) else { return [None, None] };
        let mut found = versions.by_group.iter().flatten();
        [found.next(), found.next()]
    }
}

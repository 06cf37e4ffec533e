use super::custom::{Custom, References, Versions};
use super::{Group, Keys, ObjectKey, Reference};
use foldhash::fast::RandomState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher as _;
use std::sync::Arc;

/// An object that knows its key.
pub(super) trait Keyed {
    fn key(&self) -> &ObjectKey;
}

/// The objects of one kind, by their own keys: of tens of thousands of keys, none is stored twice.
#[derive(Debug)]
pub(super) struct Store<T> {
    objects: HashTable<Arc<T>>,
    hasher: RandomState,
}

/// The custom resources of one kind.
pub(super) type CustomStore<T> = HashMap<ObjectKey, Versions<T>, RandomState>;

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { objects: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<T: Keyed> Store<T> {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Arc<T>> {
        self.objects.find(self.hasher.hash_one(key), |object| object.key() == key)
    }

    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &Arc<T>> {
        self.objects.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = ObjectKey> {
        self.values().map(|object| object.key().clone())
    }

    /// Removes an object; a known one is dirty.
    pub(super) fn remove(&mut self, key: &ObjectKey, dirty: &mut Keys) -> Option<Arc<T>> {
        let found = self.objects.find_entry(self.hasher.hash_one(key), |object| object.key() == key);
        let (old, _) = found.ok()?.remove();
        dirty.insert(key.clone());
        Some(old)
    }
}

impl<T: Keyed + PartialEq> Store<T> {
    /// Inserts an object; one that differs from the earlier one is dirty.
    pub(super) fn insert(&mut self, object: T, dirty: &mut Keys) -> bool {
        let Self { objects, hasher } = self;
        let key = object.key();
        let entry =
            objects.entry(hasher.hash_one(key), |other| other.key() == key, |other| hasher.hash_one(other.key()));
        match entry {
            Entry::Occupied(known) if **known.get() == object => return false,
            Entry::Occupied(mut known) => {
                dirty.insert(key.clone());
                *known.get_mut() = Arc::new(object);
            }
            Entry::Vacant(vacant) => {
                dirty.insert(key.clone());
                vacant.insert(Arc::new(object));
            }
        }
        true
    }
}

/// True if anything changed, the references before, and those now.
type Outcome = (bool, Vec<Reference>, Vec<Reference>);

fn references<T: References>(custom: &Custom<T>) -> Vec<Reference> {
    custom.spec.as_ref().map(|spec| spec.references(&custom.key)).unwrap_or_default()
}

pub(super) fn insert_custom<T: References + PartialEq>(
    store: &mut CustomStore<T>,
    object: Custom<T>,
    dirty: &mut Keys,
) -> Outcome {
    let key = object.key.clone();
    let slot = store.entry(key.clone()).or_default().slot(object.group);
    if slot.as_deref() == Some(&object) {
        return (false, Vec::new(), Vec::new());
    }
    dirty.insert(key);
    let new = references(&object);
    let old = slot.replace(Arc::new(object)).map(|old| references(&old)).unwrap_or_default();
    (true, old, new)
}

pub(super) fn remove_custom<T: References>(
    store: &mut CustomStore<T>,
    group: Group,
    key: &ObjectKey,
    dirty: &mut Keys,
) -> Outcome {
    let nothing = (false, Vec::new(), Vec::new());
    let Some(versions) = store.get_mut(key) else { return nothing };
    let Some(old) = versions.slot(group).take() else { return nothing };
    if versions.is_empty() {
        store.remove(key);
    }
    dirty.insert(key.clone());
    (true, references(&old), Vec::new())
}

pub(super) fn keys_of<T>(store: &CustomStore<T>, group: Group) -> Vec<ObjectKey> {
    let has = |versions: &Versions<T>| versions.by_group.iter().flatten().any(|object| object.group == group);
    store.iter().filter(|(_, versions)| has(versions)).map(|(key, _)| key.clone()).collect()
}

/// Returns the objects of one name, the preferred group's first.
pub(super) fn preferred<'a, T>(store: &'a CustomStore<T>, key: &ObjectKey) -> [Option<&'a Arc<Custom<T>>>; 2] {
    let Some(versions) = store.get(key) else { return [None, None] };
    let mut found = versions.by_group.iter().flatten();
    [found.next(), found.next()]
}

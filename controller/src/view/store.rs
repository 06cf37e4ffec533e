use super::custom::{Custom, References, Versions};
use super::{Group, Keys, ObjectKey, Reference};
use hashbrown::HashMap;
use std::sync::Arc;

type Map<T> = HashMap<ObjectKey, T, foldhash::fast::RandomState>;

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Store<T>(Map<Arc<T>>);

/// The custom resources of one kind.
pub(super) type CustomStore<T> = Map<Versions<T>>;

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T> Store<T> {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Arc<T>> {
        self.0.get(key)
    }

    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &Arc<T>> {
        self.0.values()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = ObjectKey> {
        self.0.keys().cloned()
    }

    /// Puts an object in, whatever was there.
    pub(super) fn set(&mut self, key: ObjectKey, object: T) {
        self.0.insert(key, Arc::new(object));
    }

    /// Takes an object out; a known one is dirty.
    pub(super) fn take(&mut self, key: &ObjectKey, dirty: &mut Keys) -> Option<Arc<T>> {
        let old = self.0.remove(key)?;
        dirty.insert(key.clone());
        Some(old)
    }
}

impl<T: PartialEq> Store<T> {
    /// Puts an object in; one that differs from what was there is dirty.
    pub(super) fn put(&mut self, key: ObjectKey, object: T, dirty: &mut Keys) -> bool {
        if self.0.get(&key).is_some_and(|old| **old == object) {
            return false;
        }
        dirty.insert(key.clone());
        self.set(key, object);
        true
    }
}

/// Whether anything changed, what was referred to before, and what is now.
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

/// The objects of one name, the preferred group's first.
pub(super) fn preferred<'a, T>(store: &'a CustomStore<T>, key: &ObjectKey) -> [Option<&'a Arc<Custom<T>>>; 2] {
    let Some(versions) = store.get(key) else { return [None, None] };
    let mut found = versions.by_group.iter().flatten();
    [found.next(), found.next()]
}

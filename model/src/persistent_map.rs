//! A map whose copies share what they have in common.

use crate::name::Name;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Index;
use std::sync::{Arc, LazyLock};

/// The number of parts of a map: a change copies one of them.
const PARTS: usize = 64;

/// The hasher of all maps, so that equal keys are in equal parts.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

type Part<K, V> = HashTable<(K, V)>;

/// Values by name.
pub type NameMap<V> = PersistentMap<Name, V>;

/// Values by key. Copying a map, changing the copy and comparing two similar copies cost a small share of the size; a
/// lookup is one hash and one probe. Entries have no order.
#[derive(Clone)]
pub struct PersistentMap<K, V> {
    parts: [Arc<Part<K, V>>; PARTS],
    len: usize,
    hasher: RandomState,
}

impl<K, V> PersistentMap<K, V> {
    /// Returns the number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True if there are no values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all values.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Iterates over all entries, in no order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(Box::new(self.parts.iter().flat_map(|part| part.iter().map(|(key, value)| (key, value)))))
    }

    /// Iterates over all keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Iterates over all values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns all entries in the order of their keys.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&K, &V)>
    where
        K: Ord,
    {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }
}

impl<K: Hash + Eq, V> PersistentMap<K, V> {
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Returns the value of this key.
    #[must_use]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let hash = self.hash(key);
        self.parts[part(hash)].find(hash, |(other, _)| other.borrow() == key).map(|(_, value)| value)
    }

    /// True if there is a value of this key.
    #[must_use]
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> PersistentMap<K, V> {
    /// Inserts a value; returns the previous one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (hash, hasher) = (self.hash(&key), self.hasher.clone());
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        match part.entry(hash, |(other, _)| *other == key, |(other, _)| hasher.hash_one(other)) {
            Entry::Occupied(mut found) => Some(std::mem::replace(&mut found.get_mut().1, value)),
            Entry::Vacant(place) => {
                place.insert((key, value));
                self.len += 1;
                None
            }
        }
    }

    /// Removes and returns a value.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let hash = self.hash(key);
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        let found = part.find_entry(hash, |(other, _)| other.borrow() == key).ok()?;
        self.len -= 1;
        Some(found.remove().0.1)
    }

    /// Returns the value of this key for changing it.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let hash = self.hash(key);
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        part.find_mut(hash, |(other, _)| other.borrow() == key).map(|(_, value)| value)
    }

    /// Keeps the entries for which `keep` is true. Parts that lose none stay shared.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let lost: Vec<K> = self.iter().filter(|(key, value)| !keep(key, value)).map(|(key, _)| key.clone()).collect();
        for key in lost {
            self.remove(&key);
        }
    }
}

impl<K: Hash + Eq, T> PersistentMap<K, Arc<T>> {
    /// Returns the keys whose object is another than in `before`, or that only one of the two has.
    #[must_use]
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a K> {
        let mut changed = Vec::new();
        for (new, old) in self.parts.iter().zip(&before.parts).filter(|(new, old)| !Arc::ptr_eq(new, old)) {
            let here = new.iter().filter(|(key, value)| before.get(key).is_none_or(|old| !Arc::ptr_eq(old, value)));
            let gone = old.iter().filter(|(key, _)| !self.contains_key(key));
            changed.extend(here.chain(gone).map(|(key, _)| key));
        }
        changed
    }
}

/// Returns the part that a hash belongs to, by bits that do not decide the slot within the part.
const fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

impl<K, V> Default for PersistentMap<K, V> {
    fn default() -> Self {
        let empty = Arc::default();
        Self { parts: std::array::from_fn(|_| Arc::clone(&empty)), len: 0, hasher: HASHER.clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PersistentMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Hash + Eq, V: PartialEq> PartialEq for PersistentMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Extend<(K, V)> for PersistentMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, values: I) {
        for (key, value) in values {
            self.insert(key, value);
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> FromIterator<(K, V)> for PersistentMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        let mut map = Self::default();
        map.extend(values);
        map
    }
}

impl<K: Hash + Eq + Borrow<Q>, V, Q: Hash + Eq + ?Sized> Index<&Q> for PersistentMap<K, V> {
    type Output = V;

    /// # Panics
    /// If there is no value of that key.
    #[expect(clippy::expect_used, reason = "as for every map")]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no value of this key")
    }
}

/// The iterator of [`PersistentMap::iter`].
pub struct Iter<'a, K, V>(Box<dyn Iterator<Item = (&'a K, &'a V)> + 'a>);

impl<K, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a, K, V> IntoIterator for &'a PersistentMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn map(numbers: impl IntoIterator<Item = usize>) -> NameMap<Arc<usize>> {
        numbers.into_iter().map(|n| (Name::from(format!("n{n}")), Arc::new(n))).collect()
    }

    #[test]
    fn a_copy_changes_alone() {
        let first = map(0..1000);
        let mut second = first.clone();
        assert!(second.changed_since(&first).is_empty());
        second.insert("n7".into(), Arc::new(8));
        second.insert("more".into(), Arc::new(9));
        assert_eq!(second.remove("n500"), Some(Arc::new(500)));
        assert_eq!(second.remove("none"), None);
        *second.get_mut("n1").unwrap() = Arc::new(2);
        let mut changed: Vec<&str> = second.changed_since(&first).into_iter().map(|name| &**name).collect();
        changed.sort_unstable();
        assert_eq!(changed, ["more", "n1", "n500", "n7"]);
        assert_eq!((first.len(), second.len()), (1000, 1000));
        assert_eq!((*first["n7"], *second["n7"]), (7, 8));
        assert_eq!((first.get("more"), first.contains_key("n500"), second.get_mut("n500")), (None, true, None));
        let shared = first.parts.iter().zip(&second.parts).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(shared >= PARTS - 4);
        second.retain(|name, _| &**name != "n3");
        assert_eq!((second.len(), second.get("n3"), first.len()), (999, None, 1000));
        assert!(second != first && second == second.clone());
    }

    #[test]
    fn it_holds_what_was_put_in() {
        let all = map(0..500);
        let mut names: Vec<_> = all.keys().map(|name| name[1..].parse::<usize>().unwrap()).collect();
        names.sort_unstable();
        let sorted: Vec<_> = all.sorted().into_iter().take(2).map(|(name, _)| &**name).collect();
        assert_eq!(sorted, ["n0", "n1"]);
        assert!(names.into_iter().eq(0..500));
        assert_eq!(all.values().map(|value| **value).sum::<usize>(), 500 * 499 / 2);
        let mut empty = NameMap::<u8>::default();
        assert!(empty.is_empty() && empty.get("x").is_none());
        assert_eq!((empty.insert("x".into(), 1), empty.insert("x".into(), 2), empty.len()), (None, Some(1), 1));
    }
}

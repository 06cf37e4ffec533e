//! A map by name whose copies share what they have in common.

use crate::name::Name;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Index;
use std::sync::{Arc, LazyLock};

/// The number of parts of a map: a change copies one of them.
const PARTS: usize = 64;

/// The hasher of all maps, so that equal names are in equal parts.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

type Part<V> = HashTable<(Name, V)>;

/// Values by name. Copying a map, changing the copy and comparing two similar copies cost a small share of the size; a
/// lookup is one hash and one probe.
#[derive(Clone)]
pub struct NameMap<V> {
    parts: [Arc<Part<V>>; PARTS],
    len: usize,
    hasher: RandomState,
}

impl<V> NameMap<V> {
    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

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

    /// Returns the value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        let hash = self.hash(name);
        self.parts[part(hash)].find(hash, |(other, _)| **other == *name).map(|(_, value)| value)
    }

    /// True if there is a value of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Iterates over all entries, in no order.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter(Box::new(self.parts.iter().flat_map(|part| part.iter().map(|(name, value)| (name, value)))))
    }

    /// Iterates over all names, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Name> {
        self.iter().map(|(name, _)| name)
    }

    /// Iterates over all values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<V: Clone> NameMap<V> {
    /// Inserts a value; returns the previous one.
    pub fn insert(&mut self, name: Name, value: V) -> Option<V> {
        let (hash, hasher) = (self.hash(&name), self.hasher.clone());
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        match part.entry(hash, |(other, _)| *other == name, |(other, _)| hasher.hash_one(&**other)) {
            Entry::Occupied(mut found) => Some(std::mem::replace(&mut found.get_mut().1, value)),
            Entry::Vacant(place) => {
                place.insert((name, value));
                self.len += 1;
                None
            }
        }
    }

    /// Removes and returns a value.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        if !self.contains_key(name) {
            return None;
        }
        let hash = self.hash(name);
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        let found = part.find_entry(hash, |(other, _)| **other == *name).ok()?;
        self.len -= 1;
        Some(found.remove().0.1)
    }

    /// Returns the value of this name for changing it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        if !self.contains_key(name) {
            return None;
        }
        let hash = self.hash(name);
        let part = Arc::make_mut(&mut self.parts[part(hash)]);
        part.find_mut(hash, |(other, _)| **other == *name).map(|(_, value)| value)
    }
}

impl<T> NameMap<Arc<T>> {
    /// Returns the names whose object is another than in `before`, or that only one of the two has.
    #[must_use]
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a Name> {
        let mut changed = Vec::new();
        for (new, old) in self.parts.iter().zip(&before.parts).filter(|(new, old)| !Arc::ptr_eq(new, old)) {
            let here = new.iter().filter(|(name, value)| before.get(name).is_none_or(|old| !Arc::ptr_eq(old, value)));
            let gone = old.iter().filter(|(name, _)| !self.contains_key(name));
            changed.extend(here.chain(gone).map(|(name, _)| name));
        }
        changed
    }
}

/// Returns the part that a hash belongs to, by bits that do not decide the slot within the part.
const fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        let empty = Arc::default();
        Self { parts: std::array::from_fn(|_| Arc::clone(&empty)), len: 0, hasher: HASHER.clone() }
    }
}

impl<V: fmt::Debug> fmt::Debug for NameMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V: Clone> Extend<(Name, V)> for NameMap<V> {
    fn extend<I: IntoIterator<Item = (Name, V)>>(&mut self, values: I) {
        for (name, value) in values {
            self.insert(name, value);
        }
    }
}

impl<V: Clone> FromIterator<(Name, V)> for NameMap<V> {
    fn from_iter<I: IntoIterator<Item = (Name, V)>>(values: I) -> Self {
        let mut map = Self::default();
        map.extend(values);
        map
    }
}

impl<V> Index<&str> for NameMap<V> {
    type Output = V;

    /// # Panics
    /// If there is no value of that name.
    #[expect(clippy::expect_used, reason = "as for every map")]
    fn index(&self, name: &str) -> &V {
        self.get(name).expect("no value of this name")
    }
}

/// The iterator of [`NameMap::iter`].
pub struct Iter<'a, V>(Box<dyn Iterator<Item = (&'a Name, &'a V)> + 'a>);

impl<V> fmt::Debug for Iter<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a Name, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a, V> IntoIterator for &'a NameMap<V> {
    type Item = (&'a Name, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
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
    }

    #[test]
    fn it_holds_what_was_put_in() {
        let all = map(0..500);
        let mut names: Vec<_> = all.keys().map(|name| name[1..].parse::<usize>().unwrap()).collect();
        names.sort_unstable();
        assert!(names.into_iter().eq(0..500));
        assert_eq!(all.values().map(|value| **value).sum::<usize>(), 500 * 499 / 2);
        let mut empty = NameMap::<u8>::default();
        assert!(empty.is_empty() && empty.get("x").is_none());
        assert_eq!((empty.insert("x".into(), 1), empty.insert("x".into(), 2), empty.len()), (None, Some(1), 1));
    }
}

use super::ObjectKey;
use hashbrown::{HashMap, HashSet};

/// A Secret or ConfigMap that another object names.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reference {
    /// A ConfigMap.
    ConfigMap(ObjectKey),
    /// A Secret.
    Secret(ObjectKey),
}

/// The number of objects that name each: only named ones are kept.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: HashMap<Reference, usize, foldhash::fast::RandomState>,
    fresh: HashSet<Reference, foldhash::fast::RandomState>,
}

impl Counts {
    /// Adds the references of one more object.
    pub(super) fn add(&mut self, references: Vec<Reference>) {
        for reference in references {
            let count = self.counts.entry(reference).or_insert_with_key(|reference| {
                self.fresh.insert(reference.clone());
                0
            });
            *count += 1;
        }
    }

    /// Removes the references of one object; returns those that are no longer named.
    pub(super) fn remove(&mut self, references: Vec<Reference>) -> Vec<Reference> {
        let mut unused = Vec::new();
        for reference in references {
            if let Some(count) = self.counts.get_mut(&reference) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&reference);
                    self.fresh.remove(&reference);
                    unused.push(reference);
                }
            }
        }
        unused
    }

    pub(super) fn contains(&self, reference: &Reference) -> bool {
        self.counts.contains_key(reference)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.counts.keys()
    }

    pub(super) fn take_fresh(&mut self) -> Vec<Reference> {
        self.fresh.drain().collect()
    }
}

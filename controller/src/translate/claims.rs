use crate::view::ObjectKey;
use crate::view::ingress::BackendPort;
use flow_model::config::Objects;
use flow_model::name::Name;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// A claimant of a name. Of several the first in this order has it: the oldest, then by key.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Owner {
    /// The creation time of the object, in seconds since 1970.
    pub(super) created: i64,
    /// The object.
    pub(super) key: ObjectKey,
    /// The object's kind.
    pub(super) kind: &'static str,
    /// The part of the object, if it has several.
    pub(super) port: Option<BackendPort>,
}

impl Owner {
    pub(super) const fn new(created: i64, kind: &'static str, key: ObjectKey) -> Self {
        Self { created, key, kind, port: None }
    }
}

/// The claimants of one name, in order.
type Rivals<T> = Vec<(Owner, Arc<T>)>;

/// Objects by name, kept across translations. Names are made from other names, so two objects may claim one.
#[derive(Debug)]
pub(super) struct Claims<T> {
    /// The object that each name stands for.
    objects: Objects<T>,
    rivals: HashMap<Name, Rivals<T>, foldhash::fast::RandomState>,
    contested: HashSet<Name, foldhash::fast::RandomState>,
    /// The objects of the names that changed in this round, before it.
    before: HashMap<Name, Option<Arc<T>>, foldhash::fast::RandomState>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self {
            objects: Objects::default(),
            rivals: HashMap::default(),
            contested: HashSet::default(),
            before: HashMap::default(),
        }
    }
}

impl<T: PartialEq> Claims<T> {
    /// Returns the object that each name stands for.
    pub(super) const fn objects(&self) -> &Objects<T> {
        &self.objects
    }

    /// Claims a name for `value`, which becomes the equal object that is claimed already, if there is one. True if that
    /// changes anything.
    pub(super) fn claim_equal(&mut self, name: &Name, owner: Owner, value: &mut Arc<T>) -> bool {
        let known = self.claimed(name, &owner).or_else(|| self.objects.get(name)).filter(|known| *known == value);
        if let Some(known) = known {
            *value = Arc::clone(known);
        }
        self.claim(name, owner, Arc::clone(value))
    }

    /// Claims a name, or changes the claimed object. True if that changes anything.
    pub(super) fn claim(&mut self, name: &Name, owner: Owner, value: Arc<T>) -> bool {
        let Some(rivals) = self.rivals.get_mut(name) else {
            self.rivals.insert(name.clone(), vec![(owner, value.clone())]);
            self.set(name, Some(value));
            return true;
        };
        match rivals.binary_search_by(|(rival, _)| rival.cmp(&owner)) {
            Ok(index) => {
                if let Some(slot) = rivals.get_mut(index) {
                    if Arc::ptr_eq(&slot.1, &value) {
                        return false;
                    }
                    slot.1 = value;
                }
            }
            Err(index) => rivals.insert(index, (owner, value)),
        }
        self.resolve(name);
        true
    }

    /// Gives a claim up. True if there was one.
    pub(super) fn release(&mut self, name: &Name, owner: &Owner) -> bool {
        let Some(rivals) = self.rivals.get_mut(name) else { return false };
        let Ok(index) = rivals.binary_search_by(|(rival, _)| rival.cmp(owner)) else { return false };
        rivals.remove(index);
        self.resolve(name);
        true
    }

    /// Returns the object that an owner claims under a name, even if another owner has the name.
    pub(super) fn claimed(&self, name: &Name, owner: &Owner) -> Option<&Arc<T>> {
        self.rivals.get(name)?.iter().find(|(rival, _)| rival == owner).map(|(_, value)| value)
    }

    /// Returns the names with several claimants, the winner first; sorted by name.
    pub(super) fn contested(&self) -> Vec<(&Name, Vec<&Owner>)> {
        let rivals = |name| self.rivals.get(name).into_iter().flatten().map(|(owner, _)| owner).collect();
        let mut all: Vec<_> = self.contested.iter().map(|name| (name, rivals(name))).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    }

    /// Gives a name to its first claimant and updates the contested names.
    fn resolve(&mut self, name: &Name) {
        let (first, count) = self
            .rivals
            .get(name)
            .map_or((None, 0), |rivals| (rivals.first().map(|(_, value)| value.clone()), rivals.len()));
        self.set(name, first);
        match count {
            0 => {
                self.rivals.remove(name);
                self.contested.remove(name);
            }
            1 => {
                self.contested.remove(name);
            }
            _ => {
                self.contested.insert(name.clone());
            }
        }
    }

    /// Sets the object that a name stands for. If it equals the one at the start of the round, that very object is
    /// kept, whatever happened in between and whichever owner has it now.
    fn set(&mut self, name: &Name, value: Option<Arc<T>>) {
        let before = self.before.entry(name.clone()).or_insert_with(|| self.objects.get(name).cloned());
        match value {
            Some(value) => {
                let same = before.as_ref().filter(|before| **before == value).cloned();
                self.objects.insert(name.clone(), same.unwrap_or(value));
            }
            None => {
                self.objects.remove(name);
            }
        }
    }

    /// Ends the round: all changes of one translation are made.
    pub(super) fn end_round(&mut self) {
        self.before = HashMap::default();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_first_owner_has_the_name_until_it_gives_it_up() {
        let mut claims = Claims::default();
        let (name, elder, younger) = (
            Name::from("n"),
            Owner::new(1, "Ingress", ObjectKey::new("z", "z")),
            Owner::new(2, "Ingress", ObjectKey::new("a", "a")),
        );
        assert!(claims.claim(&name, younger.clone(), Arc::new(2)));
        assert!(claims.claim(&name, elder.clone(), Arc::new(1)));
        assert_eq!(*claims.objects()["n"], 1);
        assert_eq!(claims.contested(), [(&name, vec![&elder, &younger])]);
        assert!(claims.release(&name, &elder));
        assert!(!claims.release(&name, &elder));
        assert_eq!(*claims.objects()["n"], 2);
        assert!(claims.contested().is_empty());
        assert!(claims.release(&name, &younger));
        assert!(claims.objects().is_empty());
    }

    #[test]
    fn what_comes_back_in_the_same_round_is_the_same_object() {
        let mut claims = Claims::default();
        let (name, owner, other) = (
            Name::from("n"),
            Owner::new(0, "Ingress", ObjectKey::new("a", "a")),
            Owner::new(0, "Ingress", ObjectKey::new("b", "b")),
        );
        claims.claim(&name, owner.clone(), Arc::new(1));
        claims.end_round();
        let before = claims.objects()["n"].clone();
        claims.release(&name, &owner);
        claims.claim(&name, other.clone(), Arc::new(2));
        claims.claim(&name, other, Arc::new(1));
        assert!(Arc::ptr_eq(&before, &claims.objects()["n"]));
        claims.end_round();
        assert!(Arc::ptr_eq(&before, &claims.objects()["n"]));
    }

    #[test]
    fn the_same_value_again_changes_nothing() {
        let mut claims = Claims::default();
        let (name, owner, value) = (Name::from("n"), Owner::new(0, "Ingress", ObjectKey::new("a", "a")), Arc::new(1));
        assert!(claims.claim(&name, owner.clone(), value.clone()));
        assert!(!claims.claim(&name, owner.clone(), value));
        assert!(claims.claim(&name, owner, Arc::new(2)));
    }
}

//! The users of a backend: nearly always one Ingress, for which a map of its own would be large.

use crate::view::ObjectKey;
use hashbrown::HashMap;

/// Ingresses, each with true if it uses the backend by its name; the others make it the default backend.
#[derive(Debug, Default)]
pub(super) enum Users {
    /// No user.
    #[default]
    None,
    /// One user.
    One(ObjectKey, bool),
    /// Several users, or fewer after a removal.
    Many(Box<HashMap<ObjectKey, bool, foldhash::fast::RandomState>>),
}

impl Users {
    /// Adds a user. True if it used the backend by its name before.
    pub(super) fn insert(&mut self, ingress: &ObjectKey, named: bool) -> bool {
        match self {
            Self::None => {
                *self = Self::One(ingress.clone(), named);
                false
            }
            Self::One(known, before) if known == ingress => std::mem::replace(before, named),
            Self::One(..) => {
                let Self::One(first, by_name) = std::mem::take(self) else { return false };
                let both = [(first, by_name), (ingress.clone(), named)];
                *self = Self::Many(Box::new(both.into_iter().collect()));
                false
            }
            Self::Many(all) => all.insert(ingress.clone(), named).unwrap_or_default(),
        }
    }

    /// Removes a user. True if it used the backend by its name.
    pub(super) fn remove(&mut self, ingress: &ObjectKey) -> bool {
        match self {
            Self::One(known, named) if known == ingress => {
                let named = *named;
                *self = Self::None;
                named
            }
            Self::None | Self::One(..) => false,
            Self::Many(all) => {
                let named = all.remove(ingress).unwrap_or_default();
                if all.is_empty() {
                    *self = Self::None;
                }
                named
            }
        }
    }

    /// True if there are no users.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Iterates over all users, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ObjectKey, bool)> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(ingress, named) => (Some((ingress, *named)), None),
            Self::Many(all) => (None, Some(all)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|all| all.iter().map(|(ingress, named)| (ingress, *named))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_many_are_the_same_to_whoever_asks() {
        let [a, b, c] = ["a", "b", "c"].map(|name| ObjectKey::new("n", name));
        let mut users = Users::default();
        assert!(users.is_empty() && !users.remove(&a));
        assert!(!users.insert(&a, true));
        assert!(users.insert(&a, false), "it was named before");
        assert!(!users.remove(&b));
        assert!(!users.insert(&b, true) && !users.insert(&c, false) && users.insert(&b, true));
        let mut all: Vec<_> = users.iter().collect();
        all.sort();
        assert_eq!(all, [(&a, false), (&b, true), (&c, false)]);
        assert!(!users.remove(&a) && users.remove(&b) && !users.remove(&b) && !users.is_empty());
        assert!(!users.remove(&c) && users.is_empty() && users.iter().next().is_none());
    }
}

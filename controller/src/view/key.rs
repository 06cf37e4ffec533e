use flow_model::diagnostic::Subject;
use flow_model::name::Name;
use hashbrown::HashSet;
use parking_lot::Mutex;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The namespaces of all keys: every object names one, and they are few, so each is stored once.
static NAMESPACES: LazyLock<Mutex<HashSet<Name, foldhash::fast::RandomState>>> = LazyLock::new(Mutex::default);

/// Keys of objects.
pub type Keys = HashSet<ObjectKey, foldhash::fast::RandomState>;

/// The key of an object within its kind.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl ObjectKey {
    /// Returns the object `namespace/name`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: shared(namespace), name: name.into() }
    }

    /// Returns the key of an object with this metadata.
    #[must_use]
    pub fn of(metadata: &kube::core::ObjectMeta) -> Self {
        Self::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
    }

    /// Returns the object `name` in the same namespace.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self { namespace: self.namespace.clone(), name: name.into() }
    }

    /// Returns this object as the subject of a diagnostic.
    #[must_use]
    pub fn subject(&self, kind: &'static str) -> Subject {
        Subject::new(kind, self.namespace.clone(), self.name.clone())
    }
}

fn shared(namespace: &str) -> Name {
    let mut all = NAMESPACES.lock();
    if let Some(known) = all.get(namespace) {
        return Name::clone(known);
    }
    if all.len() == all.capacity() {
        all.retain(|namespace| Arc::strong_count(namespace) > 1);
    }
    let name = Name::from(namespace);
    all.insert(Name::clone(&name));
    name
}

impl fmt::Display for ObjectKey {
    /// Writes `namespace/name`, or the name alone if there is no namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_held_once_and_no_longer_than_needed() {
        let (a, b) = (ObjectKey::new("held-once", "a"), ObjectKey::new("held-once", "b"));
        assert!(Arc::ptr_eq(&a.namespace, &b.namespace));
        let gone = Arc::downgrade(&ObjectKey::new("soon-gone", "a").namespace);
        let kept: Vec<_> = (0..10_000).map(|n| ObjectKey::new(&format!("one-of-many-{n}"), "a")).collect();
        assert!(gone.upgrade().is_none());
        assert_eq!((&*a.namespace, kept.len()), ("held-once", 10_000));
    }
}

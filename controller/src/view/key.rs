use flow_model::diagnostic::Subject;
use flow_model::name::Name;
use std::fmt;

/// An object's address within its kind.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl ObjectKey {
    /// The object `namespace/name`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object with this metadata.
    #[must_use]
    pub fn of(metadata: &kube::core::ObjectMeta) -> Self {
        Self::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
    }

    /// The object `name` in the same namespace.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self { namespace: self.namespace.clone(), name: name.into() }
    }

    /// This object as the subject of a diagnostic.
    #[must_use]
    pub fn subject(&self, kind: &'static str) -> Subject {
        Subject::new(kind, self.namespace.clone(), self.name.clone())
    }
}

impl fmt::Display for ObjectKey {
    /// `namespace/name`, or the name alone where there is no namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

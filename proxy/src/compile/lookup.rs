//! Objects of all providers, found by qualified name, and references to them.

use flow_model::config::{Config, Source, precedence};
use flow_model::name::Name;
use std::sync::Arc;

/// All providers at one moment.
#[derive(Debug)]
pub(super) struct Lookup<'a, C = Config>(pub(super) &'a [Source<C>]);

impl<C> Clone for Lookup<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Lookup<'_, C> {}

impl<'a, C> Lookup<'a, C> {
    /// The precedence of a provider's routers.
    pub(super) fn precedence(self, provider: &str) -> u32 {
        let source = self.0.iter().find(|source| &*source.provider == provider);
        source.map_or(precedence::LAST, |source| source.precedence)
    }

    /// The provider's configuration in which an object would be, and the object's name there.
    pub(super) fn config(self, qualified: &str) -> Option<(&'a C, &str)> {
        let (name, provider) = qualified.rsplit_once('@')?;
        let source = self.0.iter().find(|source| &*source.provider == provider)?;
        Some((&source.config, name))
    }
}

/// An object by its kind and qualified name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum ObjectRef {
    Middleware(Name),
    Service(Name),
    TlsOptions(Name),
    Transport(Name),
}

/// An object that another was built from, as it was then, or as it was missing.
pub(super) trait Dependency: Clone {
    /// The configuration that the object is in.
    type Config;

    /// The object's kind and name.
    fn object(&self) -> ObjectRef;

    /// True if the object is still the same.
    fn holds(&self, lookup: Lookup<'_, Self::Config>) -> bool;
}

/// True if it is the same object, or missing both times.
pub(super) fn same<T>(was: Option<&Arc<T>>, is: Option<&Arc<T>>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => Arc::ptr_eq(was, is),
        (None, None) => true,
        _ => false,
    }
}

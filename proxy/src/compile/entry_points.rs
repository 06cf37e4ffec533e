//! The entry points of an installation, as routers name them.

use flow_model::entry_point::EntryPoint;
use flow_model::name::Name;
use std::sync::Arc;

/// All entry points.
#[derive(Debug)]
pub(crate) struct EntryPoints {
    all: Arc<[Arc<EntryPoint>]>,
    /// Those of routers that do not name any, sorted.
    unnamed: Vec<Name>,
}

/// The entry points that a router goes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    /// Their indexes in the list of all.
    pub(crate) indexes: Arc<[usize]>,
    /// The problems of those that it names.
    pub(crate) errors: Vec<String>,
}

impl EntryPoints {
    /// Routers that do not name an entry point use those marked `asDefault`, else all but `traefik`, which is for the
    /// API.
    pub(crate) fn new(all: Arc<[Arc<EntryPoint>]>) -> Self {
        let marked = all.iter().any(|e| e.as_default);
        let mut unnamed: Vec<Name> = all
            .iter()
            .filter(|e| if marked { e.as_default } else { &*e.name != "traefik" })
            .map(|e| Arc::clone(&e.name))
            .collect();
        unnamed.sort();
        Self { all, unnamed }
    }

    /// Their number.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<EntryPoint>> {
        self.all.iter()
    }

    /// The entry point of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<EntryPoint>> {
        self.iter().find(|entry_point| &*entry_point.name == name)
    }

    /// The entry points of routers that do not name any.
    pub(crate) fn unnamed(&self) -> &[Name] {
        &self.unnamed
    }

    /// The entry points that a router names, or the default ones.
    pub(crate) fn wanted<'a>(&'a self, names: &'a [Name]) -> &'a [Name] {
        if names.is_empty() { &self.unnamed } else { names }
    }

    /// Finds entry points by their names.
    pub(crate) fn find(&self, names: &[Name]) -> Found {
        let mut errors = Vec::new();
        let mut indexes = Vec::new();
        for name in names {
            match self.iter().position(|entry_point| entry_point.name == *name) {
                Some(index) => indexes.push(index),
                None => errors.push(format!("entryPoint \"{name}\" doesn't exist")),
            }
        }
        if indexes.is_empty() {
            errors.push("no valid entryPoint for this router".to_owned());
        }
        Found { indexes: indexes.into(), errors }
    }
}

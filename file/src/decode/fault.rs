use serde::de;
use std::fmt;

/// The reason why a value cannot be read, and its place in the tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// The keys from the inside to the outside; items of lists are `[n]`.
    pub(super) path: Vec<String>,
    /// True if it is about the innermost key rather than its value.
    pub(super) at_key: bool,
    pub(super) scope: Scope,
    pub(super) message: String,
}

/// The part of a file that a fault makes unusable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    /// The whole file: Traefik's decoder refuses it.
    File,
    /// The object: Traefik finds out when it builds it.
    Object,
}

impl Fault {
    pub(super) fn new(scope: Scope, message: impl Into<String>) -> Self {
        Self { path: Vec::new(), at_key: false, scope, message: message.into() }
    }

    /// The same about a key.
    pub(super) fn at_key(mut self, key: &str) -> Self {
        self.at_key = true;
        self.within(key)
    }

    /// The same below a key.
    pub(super) fn within(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }

    /// The keys from the outside to the inside.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.path.iter().rev().map(String::as_str).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Scope::File, message.to_string())
    }
}

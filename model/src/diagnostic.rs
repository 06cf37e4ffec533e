//! What is wrong with an object, said to its owner: in the log, the API, the dashboard and a metric.

use crate::name::Name;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object, or the named part of it, is not served.
    Error,
    /// It is served, but not as its owner may think.
    Warning,
}

/// The object that a diagnostic speaks of, as its owner knows it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Subject {
    /// `Ingress`, `Middleware`, `Secret`, `router`…
    pub kind: &'static str,
    /// Empty for what has no namespace.
    pub namespace: Name,
    /// The object's name.
    pub name: Name,
}

/// One finding about one object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Whose.
    pub subject: Subject,
    /// What is wrong and, where it can be said, the way out; one sentence without a full stop.
    pub message: String,
}

impl Diagnostic {
    /// A finding that keeps (a part of) the object from being served.
    pub fn error(subject: Subject, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, subject, message: message.into() }
    }

    /// A finding that does not.
    pub fn warning(subject: Subject, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, subject, message: message.into() }
    }
}

impl Subject {
    /// The object `namespace/name` of `kind`.
    pub fn new(kind: &'static str, namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

//! Findings about an object, shown to its owner in the log, the API, the dashboard and a metric.

use crate::name::Name;
use serde::Serialize;
use std::error::Error;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object, or the named part of it, is not served.
    Error,
    /// It is served, but perhaps not as its owner expects.
    Warning,
}

/// The object that a diagnostic is about, as its owner knows it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Subject {
    /// `Ingress`, `Middleware`, `Secret`, `router`…
    pub kind: &'static str,
    /// Its namespace; empty if it has none.
    pub namespace: Name,
    /// The object's name.
    pub name: Name,
}

/// One finding about one object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Diagnostic {
    /// Its severity.
    pub severity: Severity,
    /// The object.
    pub subject: Subject,
    /// The problem and, if known, the way out; one sentence without a full stop.
    pub message: String,
}

impl Diagnostic {
    /// Returns a finding that keeps the object, or a part of it, from being served.
    pub fn error(subject: Subject, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, subject, message)
    }

    /// Returns a finding that does not.
    pub fn warning(subject: Subject, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, subject, message)
    }

    /// Returns a finding. A message that repeats a whole input is shortened in its middle, to some 4,000 bytes.
    pub fn new(severity: Severity, subject: Subject, message: impl Into<String>) -> Self {
        Self { severity, subject, message: shortened(message.into()) }
    }
}

impl Subject {
    /// Returns the object `namespace/name` of `kind`.
    pub fn new(kind: &'static str, namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

/// The bytes that are kept of a message longer than both together: its subject, and the reason.
const BEGINNING: usize = 3_000;
const END: usize = 1_000;

fn shortened(message: String) -> String {
    if message.len() <= BEGINNING + END {
        return message;
    }
    let (begin, end) = (message.floor_char_boundary(BEGINNING), message.ceil_char_boundary(message.len() - END));
    let (begin, end) = (message.get(..begin).unwrap_or_default(), message.get(end..).unwrap_or_default());
    format!("{begin} … {end}")
}

/// Returns an error with its causes to the root, each after a colon. A cause that the text before it already ends with
/// is not repeated.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !words.is_empty() && !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Chain {
        #[error("the certificate cannot be used")]
        Cut(#[source] Box<Self>),
        #[error("line 3: {0}")]
        Whole(#[source] Box<Self>),
        #[error("no PEM in it")]
        Root,
    }

    #[test]
    fn a_message_keeps_its_beginning_and_its_end() {
        let told = |message: &str| Diagnostic::error(Subject::new("router", "", "r"), message).message;
        assert_eq!(told(&"ä".repeat(2_000)), "ä".repeat(2_000));
        let long = told(&format!("rule {} is too deep", "(ä".repeat(100_000)));
        assert!(long.starts_with("rule (ä(ä") && long.ends_with("ä is too deep") && long.len() < 4_100, "{long}");
    }

    #[test]
    fn causes_are_told_to_the_root_and_once() {
        let root = || Box::new(Chain::Root);
        assert_eq!(causes(&Chain::Cut(root())), "the certificate cannot be used: no PEM in it");
        assert_eq!(causes(&Chain::Whole(root())), "line 3: no PEM in it");
        let deep = Chain::Cut(Box::new(Chain::Whole(root())));
        assert_eq!(causes(&deep), "the certificate cannot be used: line 3: no PEM in it");
    }
}

//! Names of configuration objects and how Traefik builds them.

use std::sync::Arc;

/// The provider of objects read from Ingresses.
pub const KUBERNETES: &str = "kubernetes";
/// The provider of objects read from Traefik's custom resources.
pub const KUBERNETES_CRD: &str = "kubernetescrd";
/// The provider of objects that flow-proxy makes itself.
pub const INTERNAL: &str = "internal";
/// The provider of Traefik's file provider.
pub const FILE: &str = "file";

/// A shared name, as cheap to clone as a counter.
pub type Name = Arc<str>;

/// Returns `text` as Traefik's `provider.Normalize` does: everything but letters and digits becomes a single `-`
/// between the words.
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(word);
    }
    out
}

/// Returns `name@provider`, or `name` itself if it already names a provider.
#[must_use]
pub fn qualify(name: &str, provider: &str) -> Name {
    if name.contains('@') { Name::from(name) } else { Name::from(format!("{name}@{provider}")) }
}

/// Returns the provider in `name@provider`; empty if there is none.
#[must_use]
pub fn provider(qualified: &str) -> &str {
    qualified.rsplit_once('@').map_or("", |(_, provider)| provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizes_like_traefik() {
        for (text, wanted) in [
            ("default-ing-example.com/foo", "default-ing-example-com-foo"),
            ("a--b__c", "a-b-c"),
            ("/", ""),
            ("*.bar/bar", "bar-bar"),
            ("é-1", "é-1"),
        ] {
            assert_eq!(normalize(text), wanted);
        }
    }

    #[test]
    fn qualifies_once() {
        assert_eq!(&*qualify("a", "file"), "a@file");
        assert_eq!(&*qualify("a@kubernetescrd", "file"), "a@kubernetescrd");
        assert_eq!(provider("a@b@c"), "c");
        assert_eq!(provider("a"), "");
    }
}

//! The place of the objects made from resolvers, and their names in it.

use crate::names::{self, PART_OF, RESOLVER, label_value, object_name};
use std::collections::BTreeMap;

/// The longest main name within a name in a cluster: with what is around it, a name of 52 characters.
const MAX_MAIN: usize = 36;

/// The place of the objects made from resolvers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    namespace: String,
    kind: PlaceKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PlaceKind {
    Folder,
    Cluster,
}

impl Place {
    /// Returns a state folder in which nothing else is.
    #[must_use]
    pub fn folder() -> Self {
        Self { namespace: "certificates-resolvers".to_owned(), kind: PlaceKind::Folder }
    }

    /// Returns a namespace of a cluster, in which there are other Secrets too: names begin with `resolver-`, and labels
    /// tell the resolver.
    #[must_use]
    pub fn cluster(namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), kind: PlaceKind::Cluster }
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the labels of all objects of a resolver.
    #[must_use]
    pub fn labels(&self, resolver: &str) -> BTreeMap<String, String> {
        match self.kind {
            PlaceKind::Folder => BTreeMap::new(),
            PlaceKind::Cluster => BTreeMap::from([
                (RESOLVER.to_owned(), label_value(resolver)),
                (PART_OF.0.to_owned(), PART_OF.1.to_owned()),
            ]),
        }
    }

    /// Returns the name of the Secret with the key of a resolver's account.
    #[must_use]
    pub fn account_secret(&self, resolver: &str) -> String {
        format!("{}-account", self.resolver(resolver))
    }

    /// Returns the name of the Secret with the key that binds it to an account outside.
    pub(super) fn binding_secret(&self, resolver: &str) -> String {
        format!("{}-eab", self.resolver(resolver))
    }

    fn resolver(&self, resolver: &str) -> String {
        match self.kind {
            PlaceKind::Folder => resolver.to_owned(),
            PlaceKind::Cluster => format!("resolver-{}", names::own_object_name(resolver)),
        }
    }

    /// Returns the name of the Certificate and the Secret for a set of names. The same set gives the same name: their
    /// order in a router does not matter.
    pub(super) fn certificate_name(&self, resolver: &str, wanted: &[String]) -> String {
        let mut sorted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.insert(0, resolver);
        let main = sorted.get(1).copied().unwrap_or_default().replace('*', "wildcard");
        let suffix = names::suffix(&sorted);
        match self.kind {
            PlaceKind::Folder => names::numbered(&main.replace(':', "-"), suffix),
            PlaceKind::Cluster => {
                let main = object_name(&main);
                names::numbered(&format!("resolver-{}", main.get(..MAX_MAIN).unwrap_or(&main)), suffix)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_cluster_are_valid_short_and_stable() {
        let place = Place::cluster("flow-system");
        let name = |names: &[&str]| {
            place.certificate_name("le", &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(name(&["b.example", "a.example"]), name(&["a.example", "b.example"]));
        assert!(name(&["*.Shop.example"]).starts_with("resolver-wildcard-shop-example-"));
        let long = name(&[&format!("{}.example", "a".repeat(60))]);
        assert!(long.len() <= 52, "{long}");
        assert_eq!(place.account_secret("le"), "resolver-le-account");
        assert_ne!(place.account_secret("LE"), place.account_secret("le"));
        assert_eq!(Place::folder().account_secret("LE"), "LE-account");
        assert!(Place::folder().labels("le").is_empty());
    }
}

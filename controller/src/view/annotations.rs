//! Annotations that carry options.

use std::collections::BTreeMap;

/// Prefix of the annotations that carry options of a router or a service.
pub const PREFIX: &str = "traefik.ingress.kubernetes.io/";
/// The annotation that chose a controller before `spec.ingressClassName`.
pub const CLASS: &str = "kubernetes.io/ingress.class";

/// The annotations that mean something here, the others dropped; sorted by key as they come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Annotations(Box<[(Box<str>, Box<str>)]>);

impl Annotations {
    /// Keeps what is read later.
    pub(super) fn of(metadata: &kube::core::ObjectMeta) -> Self {
        Self::from_map(metadata.annotations.as_ref())
    }

    pub(super) fn from_map(all: Option<&BTreeMap<String, String>>) -> Self {
        let read = all.into_iter().flatten().filter(|(key, _)| key.starts_with(PREFIX) || *key == CLASS);
        Self(read.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect())
    }

    /// The options: what follows the prefix, and its value.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, &**value)))
    }

    /// The value of the annotation that names a class; empty where there is none.
    #[must_use]
    pub fn class(&self) -> &str {
        self.0.iter().find(|(key, _)| &**key == CLASS).map_or("", |(_, value)| value)
    }
}

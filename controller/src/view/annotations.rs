//! Annotations that carry options, and those that carry options elsewhere.

use std::collections::BTreeMap;

/// Prefix of the annotations that carry options of a router or a service.
pub const PREFIX: &str = "traefik.ingress.kubernetes.io/";
/// The annotation that chose a controller before `spec.ingressClassName`.
pub const CLASS: &str = "kubernetes.io/ingress.class";

/// The prefixes of annotations of other controllers, and of Traefik 1.
const FOREIGN: [&str; 14] = [
    "alb.ingress.kubernetes.io/",
    "appgw.ingress.kubernetes.io/",
    "haproxy-ingress.github.io/",
    "haproxy.org/",
    "haproxy.router.openshift.io/",
    "ingress.kubernetes.io/",
    "konghq.com/",
    "nginx.com/",
    "nginx.ingress.kubernetes.io/",
    "nginx.org/",
    "projectcontour.io/",
    "router.traefik.io/",
    "ingress.traefik.io/",
    "traefik",
];

/// The longest value of a foreign annotation that is kept, in bytes.
const MAX_FOREIGN_VALUE: usize = 8;

/// The annotations with a meaning here or in other controllers; sorted by key as they come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Annotations(Box<[(Box<str>, Box<str>)]>);

impl Annotations {
    /// Keeps the annotations that are read later.
    pub(super) fn of(metadata: &kube::core::ObjectMeta) -> Self {
        Self::from_map(metadata.annotations.as_ref())
    }

    pub(super) fn from_map(all: Option<&BTreeMap<String, String>>) -> Self {
        let kept = all.into_iter().flatten().filter_map(|(key, value)| {
            let value = if key.starts_with(PREFIX) || *key == CLASS {
                value.as_str()
            } else if is_foreign(key) {
                // Only the values that switch it off are ever tested.
                if value.len() <= MAX_FOREIGN_VALUE { value.as_str() } else { "" }
            } else {
                return None;
            };
            Some((key.as_str().into(), value.into()))
        });
        Self(kept.collect())
    }

    /// Returns the options: the key without the prefix, and the value.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, &**value)))
    }

    /// Returns the options of other controllers: the key, and the value if it is short, else nothing.
    pub fn foreign(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .filter(|(key, _)| !key.starts_with(PREFIX) && *key != CLASS)
    }

    /// Returns the value of the annotation that names a class; empty if there is none.
    #[must_use]
    pub fn class(&self) -> &str {
        self.0.iter().find(|(key, _)| &**key == CLASS).map_or("", |(_, value)| value)
    }
}

fn is_foreign(key: &str) -> bool {
    FOREIGN.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_told_is_kept() {
        let all = [
            ("cert-manager.io/cluster-issuer", "x"),
            ("kubernetes.io/ingress.class", "traefik"),
            ("nginx.ingress.kubernetes.io/configuration-snippet", "deny all; # and much more"),
            ("nginx.ingress.kubernetes.io/ssl-redirect", "false"),
            ("traefik.frontend.auth.basic", "x"),
            ("traefik.ingress.kubernetes.io/router.tls", "a value of any length"),
        ];
        let all = all.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let kept = Annotations::from_map(Some(&all));
        assert_eq!(kept.options().collect::<Vec<_>>(), [("router.tls", "a value of any length")]);
        assert_eq!(
            kept.foreign().collect::<Vec<_>>(),
            [
                ("nginx.ingress.kubernetes.io/configuration-snippet", ""),
                ("nginx.ingress.kubernetes.io/ssl-redirect", "false"),
                ("traefik.frontend.auth.basic", "x"),
            ]
        );
        assert_eq!(kept.class(), "traefik");
    }
}

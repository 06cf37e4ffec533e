//! The kinds to watch, and their names in permissions.

use super::scope::Scope;
use crate::view::ObjectKey;

/// The kinds to watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Ingresses, if that provider is on.
    pub(crate) ingress: Option<Scope>,
    /// True if IngressClasses are watched.
    pub(crate) classes: bool,
    /// Traefik's custom resources, if that provider is on.
    pub(crate) custom: Option<Scope>,
    /// `ingressClass`: objects that name another class are not reported.
    pub(crate) class: String,
    /// True if Nodes are watched once a Service needs their addresses.
    pub(crate) nodes: bool,
    /// The Service whose addresses are published, which may be in a namespace of its own.
    pub(crate) published: Option<ObjectKey>,
}

impl Plan {
    /// Returns the scope of the kinds that both providers need: Services, EndpointSlices, Secrets, ConfigMaps. `None` if
    /// neither is on.
    pub(crate) fn shared(&self) -> Option<Scope> {
        let scopes = || self.ingress.iter().chain(&self.custom);
        let mut shared = Scope::default();
        if !scopes().any(|scope| scope.namespaces.is_empty()) {
            shared.namespaces = scopes().flat_map(|scope| scope.namespaces.iter().cloned()).collect();
        }
        scopes().next().map(|_| shared)
    }

    /// Returns the published Service, if no other watch brings it.
    pub(crate) fn published_elsewhere(&self) -> Option<&ObjectKey> {
        let covers =
            |scope: &Scope, key: &ObjectKey| scope.namespaces.is_empty() || scope.namespaces.contains(&key.namespace);
        self.published.as_ref().filter(|key| !self.shared().is_some_and(|scope| covers(&scope, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(namespaces: &[&str]) -> Scope {
        Scope { namespaces: namespaces.iter().map(|&n| n.into()).collect(), labels: String::new() }
    }

    #[test]
    fn what_both_need_is_watched_once() {
        let both = |a: Option<Scope>, b: Option<Scope>| {
            let shared = Plan { ingress: a, custom: b, ..Plan::default() }.shared();
            shared.map(|scope| scope.watched()).unwrap_or_default()
        };
        assert_eq!(both(None, None), []);
        assert_eq!(both(Some(scope(&["a"])), Some(scope(&[]))), [None]);
        assert_eq!(both(Some(scope(&["b", "a"])), Some(scope(&["b"]))), [Some("a".into()), Some("b".into())]);
    }

    #[test]
    fn the_published_service_may_be_elsewhere() {
        let plan = |namespaces: &[&str]| Plan {
            ingress: Some(scope(namespaces)),
            published: Some(ObjectKey::new("system", "balancer")),
            ..Plan::default()
        };
        assert!(plan(&[]).published_elsewhere().is_none());
        assert!(plan(&["system", "a"]).published_elsewhere().is_none());
        assert_eq!(plan(&["a"]).published_elsewhere(), Some(&ObjectKey::new("system", "balancer")));
    }
}

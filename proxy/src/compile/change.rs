//! The objects that changed since the last configuration.

use super::lookup::ObjectRef;
use flow_model::config::{Config, Objects, Router, Source};
use flow_model::name::{Name, qualify};
use std::sync::Arc;

/// The differences between two configurations, by qualified names.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Changed routers, with their new value.
    pub(super) routers: Vec<(Name, Option<Arc<Router>>)>,
    /// Changed objects that routers are made from.
    pub(super) parts: Vec<ObjectRef>,
}

impl Change {
    /// Compares by identity: unchanged objects keep it.
    pub(super) fn between(before: &[Source], now: &[Source]) -> Self {
        let mut change = Self::default();
        let nothing = Config::default();
        let of = |sources: &'_ [Source], provider: &str| {
            sources.iter().find(|source| &*source.provider == provider).map(|source| Arc::clone(&source.config))
        };
        for source in now {
            match of(before, &source.provider) {
                Some(last) if Arc::ptr_eq(&last, &source.config) => {}
                Some(last) => change.compare(&source.provider, &last, &source.config),
                None => change.compare(&source.provider, &nothing, &source.config),
            }
        }
        for source in before.iter().filter(|source| of(now, &source.provider).is_none()) {
            change.compare(&source.provider, &source.config, &nothing);
        }
        change
    }

    fn compare(&mut self, provider: &str, before: &Config, now: &Config) {
        let routers = now.routers.changed_since(&before.routers);
        self.routers.extend(routers.into_iter().map(|name| (qualify(name, provider), now.routers.get(name).cloned())));
        self.parts.extend(names(&before.middlewares, &now.middlewares, provider).map(ObjectRef::Middleware));
        self.parts.extend(names(&before.services, &now.services, provider).map(ObjectRef::Service));
        self.parts.extend(names(&before.tls_options, &now.tls_options, provider).map(ObjectRef::TlsOptions));
        self.parts
            .extend(names(&before.servers_transports, &now.servers_transports, provider).map(ObjectRef::Transport));
    }
}

fn names<T>(before: &Objects<T>, now: &Objects<T>, provider: &str) -> impl Iterator<Item = Name> {
    now.changed_since(before).into_iter().map(|name| qualify(name, provider)).collect::<Vec<_>>().into_iter()
}

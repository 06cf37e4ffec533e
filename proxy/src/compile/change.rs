//! The objects that changed since the last configuration.

use super::lookup::ObjectRef;
use super::protocol::Protocol;
use flow_model::config::Source;
use flow_model::name::{Name, qualify};
use std::sync::Arc;

/// The differences between two configurations, by qualified names.
pub(super) struct Change<P: Protocol> {
    /// Changed routers, with their new value.
    pub(super) routers: Vec<(Name, Option<Arc<P::Router>>)>,
    /// Changed objects that routers are built from.
    pub(super) objects: Vec<ObjectRef>,
}

impl<P: Protocol> Change<P> {
    /// Compares by identity: unchanged objects keep it.
    pub(super) fn between(before: &[Source<P::Config>], now: &[Source<P::Config>]) -> Self {
        let mut change = Self { routers: Vec::new(), objects: Vec::new() };
        let nothing = P::Config::default();
        let of = |sources: &'_ [Source<P::Config>], provider: &str| {
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

    fn compare(&mut self, provider: &str, before: &P::Config, now: &P::Config) {
        let routers = P::routers(now);
        let changed = routers.changed_since(P::routers(before)).into_iter();
        self.routers.extend(changed.map(|name| (qualify(name, provider), routers.get(name).cloned())));
        self.objects.extend(P::changed_objects(before, now, provider));
    }
}

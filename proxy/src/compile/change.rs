//! The objects that changed since the last configuration.

use super::protocol::{Change, Protocol};
use flow_model::config::Source;
use flow_model::name::qualify;
use std::sync::Arc;

/// The differences between two configurations. Objects are compared by identity: unchanged ones keep it.
pub(super) fn between<P: Protocol>(before: &[Source<P::Config>], now: &[Source<P::Config>]) -> Change<P::Router> {
    let mut change = Change { routers: Vec::new(), objects: Vec::new() };
    let nothing = P::Config::default();
    let of = |sources: &'_ [Source<P::Config>], provider: &str| {
        sources.iter().find(|source| &*source.provider == provider).map(|source| Arc::clone(&source.config))
    };
    for source in now {
        match of(before, &source.provider) {
            Some(last) if Arc::ptr_eq(&last, &source.config) => {}
            Some(last) => compare::<P>(&source.provider, &last, &source.config, &mut change),
            None => compare::<P>(&source.provider, &nothing, &source.config, &mut change),
        }
    }
    for source in before.iter().filter(|source| of(now, &source.provider).is_none()) {
        compare::<P>(&source.provider, &source.config, &nothing, &mut change);
    }
    change
}

/// Adds the differences between two configurations of one provider.
fn compare<P: Protocol>(provider: &str, before: &P::Config, now: &P::Config, change: &mut Change<P::Router>) {
    let routers = P::routers(now);
    let changed = routers.changed_since(P::routers(before)).into_iter();
    change.routers.extend(changed.map(|name| (qualify(name, provider), routers.get(name).cloned())));
    change.objects.extend(P::changed_objects(before, now, provider));
}

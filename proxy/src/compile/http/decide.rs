//! The decisions that depend on several routers: the choice among the TLS options that they ask for, and which of them
//! are below others.

use super::Http;
use super::router_tree::places;
use super::rule::HttpRule;
use super::tls_options::{Choice, ConflictPolicy, DEFAULT, Guard, TlsOptionsRequest, choose, default_name};
use crate::compile::lookup::Lookup;
use crate::compile::names::ByName;
use crate::tls::check_options;
use flow_model::config::{Router, RouterTls};
use flow_model::name::{Name, provider, qualify};
use std::sync::Arc;

impl Http {
    /// For each entry point, by its index: the hosts whose connections get other TLS options than the default ones.
    pub(in crate::compile) fn tls_hosts(&self) -> Vec<ByName<Name>> {
        let entry_points = self.models.entry_points().iter();
        entry_points
            .map(|entry_point| self.choice.by_host.get(&entry_point.name).cloned().unwrap_or_default())
            .collect()
    }

    /// Places routers below others anew. Returns the routers with another place than before.
    pub(super) fn place<'a>(
        &mut self,
        routers: impl Iterator<Item = (&'a Name, &'a Router, &'a HttpRule)>,
        lookup: Lookup<'_>,
    ) -> Vec<Name> {
        if self.inner.is_empty() && self.places.is_empty() {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.places, places(routers, lookup));
        let changed = self.places.iter().filter(|(name, place)| before.get(*name) != Some(place));
        let ended = before.keys().filter(|name| !self.places.contains_key(*name));
        changed.map(|(name, _)| name).chain(ended).cloned().collect()
    }

    /// True if a router asks for other TLS options than the default ones on any entry point.
    pub(super) fn asks_for_options(&self, router: &Router) -> bool {
        self.models.tls_of(router).any(|(_, tls)| !is_default(tls))
    }

    /// Chooses anew. Returns the routers with other conflicts than before.
    pub(super) fn choose<'a>(
        &mut self,
        routers: impl Iterator<Item = (&'a Name, &'a Router, &'a HttpRule)>,
        lookup: Lookup<'_>,
    ) -> Vec<Name> {
        // If every router has the default options, there is nothing to choose.
        let choice = if self.with_options.is_empty() {
            Choice::default()
        } else {
            let requests = routers.flat_map(|(name, router, rule)| {
                self.models.tls_of(router).map(|(entry_point, tls)| TlsOptionsRequest {
                    entry_point: Arc::clone(entry_point),
                    router: Arc::clone(name),
                    hosts: Arc::clone(&rule.hosts),
                    options: if is_default(tls) { default_name() } else { qualify(&tls.options, provider(name)) },
                    created: router.created,
                })
            });
            let guard = |name: &str| match lookup.tls_options(name) {
                Some(options) if check_options(options).is_err() => Guard::Unusable,
                Some(options) if options.asks_for_certificates() => Guard::Asks,
                None if name != DEFAULT => Guard::Unusable,
                _ => Guard::Open,
            };
            let policy = ConflictPolicy { strict: self.strict_tls_options, guard: &guard };
            choose(&requests.collect::<Vec<_>>(), &policy)
        };
        let before = std::mem::replace(&mut self.choice, choice);
        let now = &self.choice.conflicts;
        let changed = now.iter().filter(|(name, conflicts)| before.conflicts.get(*name) != Some(conflicts));
        let ended = before.conflicts.keys().filter(|name| !now.contains_key(*name));
        changed.map(|(name, _)| name).chain(ended).cloned().collect()
    }
}

fn is_default(tls: &RouterTls) -> bool {
    tls.options.is_empty() || &*tls.options == DEFAULT
}

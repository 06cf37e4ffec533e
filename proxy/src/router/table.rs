use super::disjunct::HostKey;
use super::host_table::{Entry, HostTable};
use super::route::Route;
use super::view::RequestView;
use hashbrown::HashMap;
use std::sync::Arc;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The routes of one entry point, immutable; look-up costs the same at any number of hosts.
#[derive(Debug)]
pub struct RouteTable<T> {
    /// Every route by its address, to tell what changed.
    routes: Map<usize, Arc<Route<T>>>,
    hosts: Map<Arc<str>, Arc<HostTable<T>>>,
    /// By the domain after the first label.
    wildcards: Map<Arc<str>, Arc<HostTable<T>>>,
    hostless: Arc<HostTable<T>>,
}

impl<T> RouteTable<T> {
    /// Builds the table of `routes`. With a `previous` table only the hosts of routes that are not the same `Arc` are
    /// built anew, so that one change among ten thousand routes costs about a millisecond.
    #[must_use]
    pub fn build(routes: impl IntoIterator<Item = Arc<Route<T>>>, previous: Option<&Self>) -> Self {
        let empty = Self::default();
        let previous = previous.unwrap_or(&empty);
        let routes: Map<usize, Arc<Route<T>>> = routes.into_iter().map(|route| (address(&route), route)).collect();

        let mut added: Map<&HostKey, Vec<Entry<T>>> = Map::default();
        for route in routes.values().filter(|route| !previous.routes.contains_key(&address(route))) {
            for disjunct in &route.rule.disjuncts {
                added.entry(&disjunct.host).or_default().push(Entry::new(route, disjunct));
            }
        }
        for route in previous.routes.values().filter(|route| !routes.contains_key(&address(route))) {
            for disjunct in &route.rule.disjuncts {
                added.entry(&disjunct.host).or_default();
            }
        }

        let mut hosts = previous.hosts.clone();
        let mut wildcards = previous.wildcards.clone();
        let mut hostless = previous.hostless.clone();
        for (key, mut entries) in added {
            let table = match key {
                HostKey::Any => Some(&hostless),
                HostKey::Exact(host) => hosts.get(host),
                HostKey::Wildcard(parent) => wildcards.get(parent),
            };
            let kept = table.map(|table| table.entries()).unwrap_or_default();
            entries.extend(kept.iter().filter(|entry| routes.contains_key(&address(&entry.route))).cloned());
            match key {
                HostKey::Any => hostless = Arc::new(HostTable::build(entries)),
                HostKey::Exact(host) => replace(&mut hosts, host, entries),
                HostKey::Wildcard(parent) => replace(&mut wildcards, parent, entries),
            }
        }
        Self { routes, hosts, wildcards, hostless }
    }

    /// The route that takes the request: the first in order whose rule holds.
    #[must_use]
    pub fn find(&self, request: &RequestView<'_>) -> Option<&Arc<Route<T>>> {
        let host = request.bare_host();
        let exact = self.hosts.get(host);
        let mut found = exact.and_then(|table| table.find(request, None));
        if !self.wildcards.is_empty()
            && let Some((_, parent)) = host.split_once('.')
            && let Some(table) = self.wildcards.get(parent)
        {
            found = table.find(request, found).or(found);
        }
        self.hostless.find(request, found).or(found)
    }
}

/// A host whose last route goes leaves the table.
fn replace<T>(tables: &mut Map<Arc<str>, Arc<HostTable<T>>>, host: &Arc<str>, entries: Vec<Entry<T>>) {
    if entries.is_empty() {
        tables.remove(host);
    } else {
        tables.insert(host.clone(), Arc::new(HostTable::build(entries)));
    }
}

/// The identity of a route. It stays unique while both tables hold their routes.
fn address<T>(route: &Arc<Route<T>>) -> usize {
    Arc::as_ptr(route).addr()
}

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self {
            routes: Map::default(),
            hosts: Map::default(),
            wildcards: Map::default(),
            hostless: Arc::new(HostTable::build(Vec::new())),
        }
    }
}

use super::disjunct::HostKey;
use super::host_table::{Entry, HostTable};
use super::route::Route;
use super::view::RequestView;
use flow_model::name::Name;
use flow_model::persistent_map::NameMap;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// The routes of one entry point, immutable; look-up costs the same for any number of hosts.
#[derive(Debug)]
pub struct RouteTable<T> {
    hosts: NameMap<HostTable<T>>,
    /// By the domain after the first label.
    wildcards: NameMap<HostTable<T>>,
    hostless: HostTable<T>,
}

impl<T> RouteTable<T> {
    /// This table without `gone`, which are in it, and with `new`, which are not. Only the tables of their hosts are
    /// rebuilt; the rest is shared.
    #[must_use]
    pub fn with(&self, gone: &[Arc<Route<T>>], new: &[Arc<Route<T>>]) -> Self {
        let mut changed: HashMap<&HostKey, Vec<Entry<T>>, foldhash::fast::RandomState> = HashMap::default();
        for route in new {
            for disjunct in &route.rule.disjuncts {
                // Mostly it is the only one of its host.
                let entries = changed.entry(&disjunct.host).or_insert_with(|| Vec::with_capacity(1));
                entries.push(Entry::new(route, disjunct));
            }
        }
        for disjunct in gone.iter().flat_map(|route| &route.rule.disjuncts) {
            changed.entry(&disjunct.host).or_default();
        }
        // The addresses are valid for comparison while `gone` holds the objects.
        let gone: HashSet<*const Route<T>, foldhash::fast::RandomState> = gone.iter().map(Arc::as_ptr).collect();

        let mut table = self.clone();
        for (key, mut entries) in changed {
            let present = match key {
                HostKey::Any => Some(&self.hostless),
                HostKey::Exact(host) => self.hosts.get(host),
                HostKey::Wildcard(parent) => self.wildcards.get(parent),
            };
            let present = present.into_iter().flat_map(HostTable::entries);
            entries.extend(present.filter(|entry| !gone.contains(&Arc::as_ptr(&entry.route))).cloned());
            match key {
                HostKey::Any => table.hostless = HostTable::build(entries),
                HostKey::Exact(host) => replace(&mut table.hosts, host, entries),
                HostKey::Wildcard(parent) => replace(&mut table.wildcards, parent, entries),
            }
        }
        table
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

/// Replaces a host's table, or removes it with its last route.
fn replace<T>(tables: &mut NameMap<HostTable<T>>, host: &Name, entries: Vec<Entry<T>>) {
    if entries.is_empty() {
        tables.remove(host);
    } else {
        tables.insert(Name::clone(host), HostTable::build(entries));
    }
}

impl<T> Clone for RouteTable<T> {
    fn clone(&self) -> Self {
        Self { hosts: self.hosts.clone(), wildcards: self.wildcards.clone(), hostless: self.hostless.clone() }
    }
}

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self { hosts: NameMap::default(), wildcards: NameMap::default(), hostless: HostTable::build(Vec::new()) }
    }
}

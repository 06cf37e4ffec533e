//! Secrets and ConfigMaps: of the tens of thousands in a cluster only those are kept that another object names.
//!
//! One watch brings the metadata of all: their bodies may be large and are not needed. A named object is fetched when
//! it is first named and when its version changes. Where the whole kind may not be watched, named objects are watched
//! one by one, which a namespace's own Role (or one with `resourceNames`) can allow.

use super::by_name::ByName;
use super::fetch::{Fetched, Fetches, Sort};
use super::outage::Outage;
use super::watcher::{Namespaced, WatchEvent, Watcher};
use crate::view::{Kind, Object, ObjectKey};
use hashbrown::{HashMap, HashSet};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client, Resource};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The result of a lookup.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// The object, or none if it does not exist.
    Is(Kind, ObjectKey, Option<Object>),
    /// Reading is forbidden: the API server's words.
    Forbidden(Kind, ObjectKey, String),
}

/// A request for objects.
#[derive(Debug)]
pub(crate) enum LookupRequest {
    /// These too. Asking again has them reported again.
    More(Vec<ObjectKey>),
    /// From now on only these; nothing is reported because of this.
    Only(HashSet<ObjectKey, foldhash::fast::RandomState>),
}

/// The options of looking up one kind.
pub(super) struct ReferenceLookup<K> {
    pub(super) kind: Kind,
    pub(super) client: Client,
    /// The one namespace to watch, or all.
    pub(super) namespace: Option<Arc<str>>,
    /// The selections of those that are watched at all, and of those that may be named in great numbers.
    pub(super) sort: Sort,
    pub(super) outage: Outage,
    pub(super) read: fn(&K) -> Object,
}

impl<K: Namespaced> ReferenceLookup<K> {
    fn watcher(&self) -> Watcher<PartialObjectMeta<K>> {
        let api = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let config = Config { label_selector: self.sort.labels.map(str::to_owned), ..Config::default() };
        Watcher::new(api, config, &self.outage)
    }

    /// Returns a watch of one object alone, with its whole content.
    pub(super) fn named(&self, key: &ObjectKey) -> Watcher<K> {
        let api = Api::namespaced(self.client.clone(), &key.namespace);
        Watcher::new(api, Config::default().fields(&format!("metadata.name={}", key.name)), &self.outage)
    }

    fn is(&self, key: ObjectKey, object: Option<&K>) -> Resolved {
        Resolved::Is(self.kind, key, object.map(self.read))
    }
}

/// Reports every key that comes in by `requests`, and again whenever the object changes.
pub(super) async fn follow<K: Namespaced>(
    lookup: ReferenceLookup<K>,
    mut requests: mpsc::UnboundedReceiver<LookupRequest>,
    send: mpsc::Sender<Resolved>,
) {
    // None is named yet: nothing is watched, and no permission is needed.
    let first = loop {
        match requests.recv().await {
            Some(LookupRequest::More(keys)) if !keys.is_empty() => break keys,
            Some(_) => {}
            None => return,
        }
    };
    let mut state = Referenced {
        watcher: lookup.watcher(),
        fetches: Fetches::new(lookup.client.clone(), lookup.namespace.clone(), lookup.sort.clone()),
        lookup,
        known: first.into_iter().map(|key| (key, Known::default())).collect(),
        list: Some(List::default()),
        by_name: None,
        send,
    };
    loop {
        state.begin();
        let reported = tokio::select! {
            request = requests.recv() => match request {
                Some(LookupRequest::More(keys)) => state.more(keys),
                Some(LookupRequest::Only(keys)) => state.only(&keys),
                None => return,
            },
            event = state.watcher.next() => state.handle(event),
            fetched = state.fetches.next() => state.fetched(fetched),
        };
        for resolved in reported {
            if state.send.send(resolved).await.is_err() {
                return;
            }
        }
    }
}

struct Referenced<K> {
    lookup: ReferenceLookup<K>,
    watcher: Watcher<PartialObjectMeta<K>>,
    /// All named objects.
    known: HashMap<ObjectKey, Known>,
    /// The list that is coming in, if any.
    list: Option<List>,
    fetches: Fetches<K>,
    /// The single watches, if the whole kind may not be watched.
    by_name: Option<ByName>,
    send: mpsc::Sender<Resolved>,
}

/// The versions known of a named object.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The version last reported; zero if the object does not exist or nothing was reported yet.
    reported: u64,
    /// The newest version that the watch brought; zero if it brought none.
    seen: u64,
    /// True if a list came without it after it was reported.
    doubtful: bool,
}

impl Known {
    /// True if the object may differ from the one reported.
    const fn is_stale(self) -> bool {
        self.reported == 0 || self.reported < self.seen || self.doubtful
    }
}

/// The named objects of a list, and those named only since it began (which may have passed unnoticed).
#[derive(Default)]
struct List {
    seen: HashSet<ObjectKey>,
    late: HashSet<ObjectKey>,
}

impl<K: Namespaced> Referenced<K> {
    fn begin(&mut self) {
        let known = &self.known;
        self.fetches.begin(|key| known.get(key).filter(|known| known.is_stale()).map(|known| known.reported));
    }

    fn more(&mut self, keys: Vec<ObjectKey>) -> Vec<Resolved> {
        for key in keys {
            self.known.entry(key.clone()).or_default().reported = 0;
            if let Some(list) = &mut self.list {
                list.late.insert(key.clone());
            }
            if let Some(by_name) = &mut self.by_name {
                by_name.watch(&self.lookup, key, &self.send);
            } else {
                self.fetches.push(key);
            }
        }
        Vec::new()
    }

    fn only(&mut self, keys: &HashSet<ObjectKey, foldhash::fast::RandomState>) -> Vec<Resolved> {
        self.known.retain(|key, _| keys.contains(key));
        if let Some(by_name) = &mut self.by_name {
            by_name.only(keys);
        }
        Vec::new()
    }

    fn handle(&mut self, event: WatchEvent<PartialObjectMeta<K>>) -> Vec<Resolved> {
        match event {
            WatchEvent::Event(Event::Init) => self.list = Some(List::default()),
            WatchEvent::Event(Event::InitApply(object)) => {
                let key = ObjectKey::of(&object.metadata);
                if let Some(list) = self.list.as_mut().filter(|_| self.known.contains_key(&key)) {
                    list.seen.insert(key.clone());
                }
                self.passed(key, version(&object));
            }
            WatchEvent::Event(Event::InitDone) => return self.listed(),
            WatchEvent::Event(Event::Apply(object)) => self.passed(ObjectKey::of(&object.metadata), version(&object)),
            WatchEvent::Event(Event::Delete(object)) => {
                return self.gone(ObjectKey::of(&object.metadata), version(&object));
            }
            WatchEvent::Forbidden(_) | WatchEvent::Absent => self.watch_by_name(),
        }
        Vec::new()
    }

    /// Handles the version of an object that the watch brought: it is fetched if it is named and was not reported yet.
    fn passed(&mut self, key: ObjectKey, version: u64) {
        if let Some(known) = self.known.get_mut(&key) {
            known.seen = known.seen.max(version);
            if known.is_stale() {
                self.fetches.push(key);
            }
        }
    }

    fn gone(&mut self, key: ObjectKey, version: u64) -> Vec<Resolved> {
        match self.known.get_mut(&key) {
            Some(known) if known.reported <= version || version == 0 => {
                *known = Known { reported: version, seen: version, doubtful: false };
            }
            _ => return Vec::new(),
        }
        vec![self.lookup.is(key, None)]
    }

    fn watch_by_name(&mut self) {
        if self.by_name.is_none() {
            let mut by_name = ByName::default();
            for key in self.known.keys() {
                by_name.watch(&self.lookup, key.clone(), &self.send);
            }
            self.by_name = Some(by_name);
            self.fetches.clear();
        }
    }

    /// Reports an object if it is named and newer than the one reported.
    fn report(&mut self, key: ObjectKey, object: &K) -> Option<Resolved> {
        let version = version(object);
        let known = self.known.get_mut(&key)?;
        known.doubtful = false;
        if known.reported >= version && version > 0 {
            return None;
        }
        known.reported = version;
        Some(self.lookup.is(key, Some(object)))
    }

    /// Handles the end of a list: a named object not in it does not exist. If it was reported before, by a fetch that
    /// may be newer than the list, it is fetched again.
    fn listed(&mut self) -> Vec<Resolved> {
        self.by_name = None;
        let Some(list) = self.list.take() else { return Vec::new() };
        let mut reported = Vec::new();
        for (key, known) in &mut self.known {
            if list.seen.contains(key) || list.late.contains(key) {
                continue;
            }
            if known.reported > 0 {
                known.doubtful = true;
                self.fetches.push(key.clone());
            } else {
                reported.push(self.lookup.is(key.clone(), None));
            }
        }
        reported
    }

    fn fetched(&mut self, fetched: Fetched<K>) -> Vec<Resolved> {
        let (key, before, outcome) = match fetched {
            Fetched::One { key, before, outcome } => (key, before, outcome),
            Fetched::Page(objects) => {
                let reported =
                    objects.into_iter().filter_map(|object| self.report(ObjectKey::of(object.meta()), &object));
                return reported.collect();
            }
        };
        match outcome {
            Ok(Some(object)) => self.report(key, &object).into_iter().collect(),
            // Unless something newer was reported meanwhile.
            Ok(None) => match self.known.get_mut(&key) {
                Some(known) if known.reported == before => {
                    *known = Known::default();
                    vec![self.lookup.is(key, None)]
                }
                _ => Vec::new(),
            },
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                vec![Resolved::Forbidden(self.lookup.kind, key, status.message)]
            }
            Err(_) => {
                self.fetches.again(key);
                Vec::new()
            }
        }
    }
}

/// Returns the version of an object, a number that grows; zero if it is not a number, which is always taken for newer.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

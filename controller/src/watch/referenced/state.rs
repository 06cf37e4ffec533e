//! The algorithm: which objects are read when, and who is told. It starts fetches and watches, and waits for nothing.

use super::Source;
use super::by_name::ByName;
use super::fetch::{Fetched, Fetches};
use super::known::Known;
use super::subscriber::{AnyReader, Delivery, ReadError, Resolution, Subscribers};
use crate::view::ObjectKey;
use crate::watch::watcher::{Namespaced, WatchEvent, Watcher};
use hashbrown::{HashMap, HashSet};
use kube::Resource;
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher::Event;
use std::hash::BuildHasher as _;

/// The wanted objects of one source.
pub(super) struct Referenced<K> {
    source: Source,
    /// The subscribers, by their index; `None` for those who want no more.
    pub(super) readers: Vec<Option<AnyReader<K>>>,
    pub(super) watcher: Watcher<PartialObjectMeta<K>>,
    /// All objects that are named or selected.
    known: HashMap<ObjectKey, Known, foldhash::fast::RandomState>,
    /// The names of all objects that the watch showed, as their hashes: a named object that is not among them need not
    /// be asked for.
    present: HashSet<u64, foldhash::fast::RandomState>,
    /// The list that is coming in, if any.
    list: Option<List>,
    pub(super) fetches: Fetches<K>,
    /// The single watches, if the whole kind may not be watched.
    pub(super) by_name: Option<ByName<K>>,
}

/// The wanted objects of a list, and those named only since it began (which may have passed unnoticed).
#[derive(Default)]
struct List {
    seen: HashSet<ObjectKey>,
    late: HashSet<ObjectKey>,
}

/// The origin of an object's content.
#[derive(Clone, Copy)]
enum Origin {
    /// A page or a write, which may be older than what was reported.
    Page,
    /// A fetch that began when this was the version last reported.
    Fetch(u64),
    /// A watch of this object alone.
    Watch,
}

impl<K: Namespaced> Referenced<K> {
    pub(super) fn new(source: Source, readers: Vec<Option<AnyReader<K>>>) -> Self {
        Self {
            watcher: source.watcher(),
            fetches: Fetches::new(source.client.clone(), source.namespace.clone(), source.sort.clone()),
            source,
            readers,
            known: HashMap::default(),
            present: HashSet::default(),
            list: Some(List::default()),
            by_name: None,
        }
    }

    pub(super) fn begin(&mut self) {
        let known = &self.known;
        self.fetches.begin(|key| known.get(key).filter(|known| known.is_stale()).map(|known| known.reported));
    }

    pub(super) fn named(&mut self, subscriber: Subscribers, keys: Vec<ObjectKey>) -> Vec<Delivery<K>> {
        let mut absent = Vec::new();
        for key in keys {
            let is_absent = self.list.is_none() && self.by_name.is_none() && !self.is_present(&key);
            let known = self.known.entry(key.clone()).or_default();
            known.named = known.named.and(subscriber);
            if is_absent && known.reported == 0 && known.seen == 0 {
                absent.push(Delivery { to: subscriber, resolution: Resolution::Is(key, None) });
                continue;
            }
            known.asked = known.asked.and(subscriber);
            if let Some(list) = &mut self.list {
                list.late.insert(key.clone());
            }
            match &mut self.by_name {
                Some(by_name) => by_name.watch(&self.source, key),
                None => self.fetches.push(key),
            }
        }
        absent
    }

    fn is_present(&self, key: &ObjectKey) -> bool {
        self.present.contains(&self.hash(key))
    }

    fn hash(&self, key: &ObjectKey) -> u64 {
        self.known.hasher().hash_one(key)
    }

    /// Handles an object that this process wrote.
    pub(super) fn written(&mut self, object: K) -> Vec<Delivery<K>> {
        let key = ObjectKey::of(object.meta());
        let hash = self.hash(&key);
        self.present.insert(hash);
        let mut deliveries = self.select(&key, object.meta());
        deliveries.extend(self.report(object, Origin::Page));
        deliveries
    }

    pub(super) fn only(
        &mut self,
        subscriber: Subscribers,
        keys: &HashSet<ObjectKey, foldhash::fast::RandomState>,
    ) -> Vec<Delivery<K>> {
        let mut dropped = Vec::new();
        self.known.retain(|key, known| {
            if !keys.contains(key) && known.named.contains(subscriber) {
                if known.is_stale() && !known.selected.contains(subscriber) {
                    dropped.push(Delivery { to: subscriber, resolution: Resolution::Dropped(key.clone()) });
                }
                known.named = known.named.without(subscriber);
                known.asked = known.asked.without(subscriber);
            }
            !known.wanted().is_empty()
        });
        if let Some(by_name) = &mut self.by_name {
            by_name.retain(|key| self.known.contains_key(key));
        }
        dropped
    }

    pub(super) fn handle(&mut self, event: WatchEvent<PartialObjectMeta<K>>) -> Vec<Delivery<K>> {
        match event {
            WatchEvent::Event(Event::Init) => {
                self.present.clear();
                self.list = Some(List::default());
                Vec::new()
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                let key = ObjectKey::of(&object.metadata);
                let deliveries = self.passed(&key, version(&object), &object.metadata);
                if let Some(list) = self.list.as_mut().filter(|_| self.known.contains_key(&key)) {
                    list.seen.insert(key);
                }
                deliveries
            }
            WatchEvent::Event(Event::InitDone) => self.listed(),
            WatchEvent::Event(Event::Apply(object)) => {
                self.passed(&ObjectKey::of(&object.metadata), version(&object), &object.metadata)
            }
            WatchEvent::Event(Event::Delete(object)) => self.gone(&ObjectKey::of(&object.metadata), version(&object)),
            WatchEvent::Forbidden(_) | WatchEvent::Absent => self.watch_by_name(),
        }
    }

    /// Handles the version of an object that the watch brought: it is fetched if it is wanted and was not reported yet.
    fn passed(&mut self, key: &ObjectKey, version: u64, metadata: &ObjectMeta) -> Vec<Delivery<K>> {
        let hash = self.hash(key);
        self.present.insert(hash);
        let mut deliveries = self.select(key, metadata);
        if let Some(known) = self.known.get_mut(key) {
            known.seen = known.seen.max(version);
            if known.is_outdated() {
                deliveries.push(Delivery { to: known.wanted(), resolution: Resolution::Outdated(key.clone()) });
            }
            if known.is_stale() {
                self.fetches.push(key.clone());
            }
        }
        deliveries
    }

    /// Records who selects the labels of an object.
    fn select(&mut self, key: &ObjectKey, metadata: &ObjectMeta) -> Vec<Delivery<K>> {
        let selected = Subscribers::of(&self.readers, |reader| reader.selects(metadata));
        let known = match self.known.get_mut(key) {
            Some(known) => known,
            None if selected.is_empty() => return Vec::new(),
            None => self.known.entry(key.clone()).or_default(),
        };
        known.asked = known.asked.and(selected.without(known.wanted()));
        let lost = known.selected.without(selected).without(known.named);
        known.selected = selected;
        if known.wanted().is_empty() {
            self.known.remove(key);
        }
        if lost.is_empty() {
            return Vec::new();
        }
        vec![Delivery { to: lost, resolution: Resolution::Dropped(key.clone()) }]
    }

    fn gone(&mut self, key: &ObjectKey, version: u64) -> Vec<Delivery<K>> {
        let hash = self.hash(key);
        self.present.remove(&hash);
        let Some(known) = self.known.get_mut(key).filter(|known| known.reported <= version || version == 0) else {
            return Vec::new();
        };
        let to = known.gone(version);
        if known.wanted().is_empty() {
            self.known.remove(key);
        }
        vec![Delivery { to, resolution: Resolution::Is(key.clone(), None) }]
    }

    fn watch_by_name(&mut self) -> Vec<Delivery<K>> {
        if self.by_name.is_none() {
            let mut by_name = ByName::new();
            for (key, known) in &mut self.known {
                known.asked = known.wanted();
                by_name.watch(&self.source, key.clone());
            }
            self.by_name = Some(by_name);
            self.fetches.clear();
        }
        vec![self.all_listed()]
    }

    fn all_listed(&self) -> Delivery<K> {
        Delivery { to: Subscribers::of(&self.readers, |_| true), resolution: Resolution::Listed }
    }

    /// Handles the end of a list: a named object not in it does not exist. If it was reported before, by a fetch that
    /// may be newer than the list, it is fetched again.
    fn listed(&mut self) -> Vec<Delivery<K>> {
        self.by_name = None;
        let list = self.list.take().unwrap_or_default();
        let mut deliveries = Vec::new();
        for (key, known) in &mut self.known {
            if list.seen.contains(key) || list.late.contains(key) {
                continue;
            }
            if known.reported > 0 {
                known.doubtful = true;
                self.fetches.push(key.clone());
            } else {
                deliveries.push(Delivery { to: known.gone(0), resolution: Resolution::Is(key.clone(), None) });
            }
        }
        self.known.retain(|_, known| !known.wanted().is_empty());
        deliveries.push(self.all_listed());
        deliveries
    }

    /// Reports an object to all who want it if it is newer than the one reported, else to those who asked for it.
    fn report(&mut self, object: K, origin: Origin) -> Vec<Delivery<K>> {
        let (key, version) = (ObjectKey::of(object.meta()), version(&object));
        if !self.known.contains_key(&key) {
            return Vec::new();
        }
        let mut deliveries = self.select(&key, object.meta());
        let Some(known) = self.known.get_mut(&key) else { return deliveries };
        known.doubtful = false;
        let is_newer = known.reported < version || version == 0;
        let is_latest = match origin {
            Origin::Page => false,
            Origin::Fetch(before) => known.reported == before,
            Origin::Watch => true,
        };
        let to = if is_newer || (is_latest && known.reported != version) {
            known.wanted()
        } else if known.reported == version {
            known.asked
        } else {
            Subscribers::NONE
        };
        if !to.is_empty() {
            known.reported = version;
            known.asked = Subscribers::NONE;
            deliveries.push(Delivery { to, resolution: Resolution::Is(key, Some(object)) });
        }
        deliveries
    }

    pub(super) fn fetched(&mut self, fetched: Fetched<K>) -> Vec<Delivery<K>> {
        let (key, before, outcome) = match fetched {
            Fetched::One { key, before, outcome } => (key, before, outcome),
            Fetched::Page(objects) => {
                return objects.into_iter().flat_map(|object| self.report(object, Origin::Page)).collect();
            }
        };
        match outcome {
            Ok(Some(object)) => self.report(object, Origin::Fetch(before)),
            // Unless something newer was reported meanwhile.
            Ok(None) if self.known.get(&key).is_some_and(|known| known.reported == before) => self.gone(&key, 0),
            Ok(None) => Vec::new(),
            Err(error) => {
                let error = ReadError::of(&error);
                if error.forbidden.is_none() {
                    self.fetches.again(key.clone());
                }
                self.unreadable(key, error)
            }
        }
    }

    pub(super) fn read_by_name(&mut self, key: ObjectKey, read: Result<Option<K>, ReadError>) -> Vec<Delivery<K>> {
        match read {
            Ok(Some(object)) => self.report(object, Origin::Watch),
            Ok(None) => self.gone(&key, 0),
            Err(error) => self.unreadable(key, error),
        }
    }

    fn unreadable(&mut self, key: ObjectKey, error: ReadError) -> Vec<Delivery<K>> {
        let Some(known) = self.known.get_mut(&key) else { return Vec::new() };
        // Once it can be read they are told, whatever its version.
        known.asked = known.wanted();
        vec![Delivery { to: known.asked, resolution: Resolution::Unreadable(key, error) }]
    }
}

/// Returns the version of an object, a number that grows; zero if it is not a number, which is always taken for newer.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

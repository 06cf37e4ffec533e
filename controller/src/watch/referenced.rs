//! Secrets and ConfigMaps: a cluster may hold tens of thousands, of which only those are kept that another object names.
//!
//! All of them pass by in one watch, and what nobody names is dropped at once. When an object starts to name one, it
//! is fetched. Where the whole kind may not be watched, those that are named are watched one by one, by name, which a
//! namespace's own Role (or one with `resourceNames`) can allow.

use super::feed::{Feed, Namespaced, Signal, Watched};
use super::outage::Outage;
use crate::view::{Kind, Object, ObjectKey};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use hashbrown::{HashMap, HashSet};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client, Resource};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// How many are fetched at the same time.
const FETCHES: usize = 16;
/// The pause after a fetch that failed.
const RETRY: Duration = Duration::from_millis(500);

/// What became of one that is named.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is this, or there is none.
    Is(Kind, ObjectKey, Option<Object>),
    /// We may not read it: the API server's words.
    Forbidden(Kind, ObjectKey, String),
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Want {
    /// These too. Asking again has them told again.
    More(Vec<ObjectKey>),
    /// Only these any longer; nothing is told because of this.
    Only(HashSet<ObjectKey, foldhash::fast::RandomState>),
}

/// How they are looked up.
pub(super) struct Look<K> {
    pub(super) kind: Kind,
    pub(super) client: Client,
    /// The one namespace to watch, or all.
    pub(super) namespace: Option<Arc<str>>,
    /// Which of them are watched at all.
    pub(super) labels: Option<&'static str>,
    pub(super) outage: Outage,
    pub(super) read: fn(&K) -> Object,
}

impl<K: Namespaced> Look<K> {
    fn feed(&self) -> Feed<K> {
        let api = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let config = Config { label_selector: self.labels.map(str::to_owned), ..Config::default() };
        Feed::new(api, config, &self.outage)
    }

    fn named(&self, key: &ObjectKey) -> Feed<K> {
        let api = Api::namespaced(self.client.clone(), &key.namespace);
        Feed::new(api, Config::default().fields(&format!("metadata.name={}", key.name)), &self.outage)
    }

    fn is(&self, key: ObjectKey, object: Option<&K>) -> Found {
        Found::Is(self.kind, key, object.map(self.read))
    }
}

/// Answers for every key that comes in by `wanted`, and again whenever the object changes.
pub(super) async fn follow<K: Namespaced>(
    look: Look<K>,
    mut wanted: mpsc::UnboundedReceiver<Want>,
    send: mpsc::Sender<Found>,
) {
    // Nobody names any yet: nothing is watched, and no permission is needed.
    let first = loop {
        match wanted.recv().await {
            Some(Want::More(keys)) if !keys.is_empty() => break keys,
            Some(_) => {}
            None => return,
        }
    };
    let mut state = Referenced {
        feed: look.feed(),
        look,
        known: first.into_iter().map(|key| (key, 0)).collect(),
        list: Some(List::default()),
        queue: VecDeque::new(),
        fetches: FuturesUnordered::new(),
        named: None,
        send,
    };
    loop {
        state.fetch();
        let told = tokio::select! {
            want = wanted.recv() => match want {
                Some(Want::More(keys)) => state.more(keys),
                Some(Want::Only(keys)) => state.only(&keys),
                None => return,
            },
            signal = state.feed.next() => state.signal(signal),
            Some(fetched) = state.fetches.next(), if !state.fetches.is_empty() => state.fetched(fetched),
        };
        for found in told {
            if state.send.send(found).await.is_err() {
                return;
            }
        }
    }
}

struct Referenced<K> {
    look: Look<K>,
    feed: Feed<K>,
    /// Everything that is named, with the version last told; zero where there is none or nothing was told yet.
    known: HashMap<ObjectKey, u64>,
    /// While a list comes in.
    list: Option<List>,
    queue: VecDeque<ObjectKey>,
    fetches: FuturesUnordered<BoxFuture<'static, Fetched<K>>>,
    /// Where the whole kind may not be watched.
    named: Option<Named>,
    send: mpsc::Sender<Found>,
}

/// What of a list was named, and what is named only since it began (and may have passed by unnoticed).
#[derive(Default)]
struct List {
    seen: HashSet<ObjectKey>,
    late: HashSet<ObjectKey>,
}

/// Watches by name.
#[derive(Default)]
struct Named {
    tasks: JoinSet<()>,
    by_key: HashMap<ObjectKey, AbortHandle>,
}

/// The outcome of a fetch that began when `before` was the version last told.
struct Fetched<K> {
    key: ObjectKey,
    before: u64,
    outcome: kube::Result<Option<K>>,
}

impl<K: Namespaced> Referenced<K> {
    fn more(&mut self, keys: Vec<ObjectKey>) -> Vec<Found> {
        for key in keys {
            self.known.insert(key.clone(), 0);
            if let Some(list) = &mut self.list {
                list.late.insert(key.clone());
            }
            if let Some(named) = &mut self.named {
                named.watch(&self.look, key, &self.send);
            } else {
                self.queue.push_back(key);
            }
        }
        Vec::new()
    }

    fn only(&mut self, keys: &HashSet<ObjectKey, foldhash::fast::RandomState>) -> Vec<Found> {
        self.known.retain(|key, _| keys.contains(key));
        if let Some(named) = &mut self.named {
            named.only(keys);
        }
        Vec::new()
    }

    fn signal(&mut self, signal: Signal<K>) -> Vec<Found> {
        match signal {
            Signal::Event(Event::Init) => {
                self.list = Some(List::default());
                Vec::new()
            }
            Signal::Event(Event::InitApply(object)) => {
                let key = ObjectKey::of(object.meta());
                if let Some(list) = self.list.as_mut().filter(|_| self.known.contains_key(&key)) {
                    list.seen.insert(key.clone());
                }
                self.tell(key, &object)
            }
            Signal::Event(Event::InitDone) => self.listed(),
            Signal::Event(Event::Apply(object)) => self.tell(ObjectKey::of(object.meta()), &object),
            Signal::Event(Event::Delete(object)) => {
                let key = ObjectKey::of(object.meta());
                let version = version(&object);
                match self.known.get_mut(&key) {
                    Some(told) if *told <= version || version == 0 => *told = version,
                    _ => return Vec::new(),
                }
                vec![self.look.is(key, None)]
            }
            Signal::Forbidden(_) | Signal::Absent => {
                if self.named.is_none() {
                    let mut named = Named::default();
                    for key in self.known.keys() {
                        named.watch(&self.look, key.clone(), &self.send);
                    }
                    self.named = Some(named);
                    self.queue.clear();
                }
                Vec::new()
            }
        }
    }

    /// Tells of an object if it is named and newer than what was told of it.
    fn tell(&mut self, key: ObjectKey, object: &K) -> Vec<Found> {
        let version = version(object);
        match self.known.get_mut(&key) {
            Some(told) if *told < version || version == 0 => *told = version,
            _ => return Vec::new(),
        }
        vec![self.look.is(key, Some(object))]
    }

    /// A list is complete: what is named and was not in it is not there. Where something was told of it before, by a
    /// fetch that may be newer than the list, it is fetched again.
    fn listed(&mut self) -> Vec<Found> {
        self.named = None;
        let Some(list) = self.list.take() else { return Vec::new() };
        let mut told = Vec::new();
        for (key, &version) in &self.known {
            if list.seen.contains(key) || list.late.contains(key) {
                continue;
            }
            if version > 0 {
                self.queue.push_back(key.clone());
            } else {
                told.push(self.look.is(key.clone(), None));
            }
        }
        told
    }

    fn fetch(&mut self) {
        while self.fetches.len() < FETCHES
            && let Some(key) = self.queue.pop_front()
        {
            let Some(&before) = self.known.get(&key) else { continue };
            let api: Api<K> = Api::namespaced(self.look.client.clone(), &key.namespace);
            self.fetches.push(
                async move {
                    let outcome = api.get_opt(&key.name).await;
                    if matches!(&outcome, Err(error) if !is_forbidden(error)) {
                        sleep(RETRY).await;
                    }
                    Fetched { key, before, outcome }
                }
                .boxed(),
            );
        }
    }

    fn fetched(&mut self, Fetched { key, before, outcome }: Fetched<K>) -> Vec<Found> {
        match outcome {
            Ok(Some(object)) => self.tell(key, &object),
            // Unless a watch told something newer meanwhile.
            Ok(None) => match self.known.get_mut(&key) {
                Some(version) if *version == before => {
                    *version = 0;
                    vec![self.look.is(key, None)]
                }
                _ => Vec::new(),
            },
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                vec![Found::Forbidden(self.look.kind, key, status.message)]
            }
            Err(_) => {
                self.queue.push_back(key);
                Vec::new()
            }
        }
    }
}

impl Named {
    fn watch<K: Namespaced>(&mut self, look: &Look<K>, key: ObjectKey, send: &mpsc::Sender<Found>) {
        let task = one(look.kind, key.clone(), look.named(&key), look.read, send.clone());
        // Asked for again: begun again, so that it is told again.
        if let Some(old) = self.by_key.insert(key, self.tasks.spawn(task)) {
            old.abort();
        }
    }

    fn only(&mut self, keys: &HashSet<ObjectKey, foldhash::fast::RandomState>) {
        for (_, task) in self.by_key.extract_if(|key, _| !keys.contains(key)) {
            task.abort();
        }
    }
}

/// Follows the one object that `feed` watches.
async fn one<K: Watched>(
    kind: Kind,
    key: ObjectKey,
    mut feed: Feed<K>,
    read: fn(&K) -> Object,
    send: mpsc::Sender<Found>,
) {
    let mut listed = None;
    loop {
        let found = match feed.next().await {
            Signal::Event(Event::Init) => {
                listed = None;
                continue;
            }
            Signal::Event(Event::InitApply(object)) => {
                listed = Some(read(&object));
                continue;
            }
            Signal::Event(Event::InitDone) => Found::Is(kind, key.clone(), listed.take()),
            Signal::Event(Event::Apply(object)) => Found::Is(kind, key.clone(), Some(read(&object))),
            Signal::Event(Event::Delete(_)) | Signal::Absent => Found::Is(kind, key.clone(), None),
            Signal::Forbidden(words) => Found::Forbidden(kind, key.clone(), words),
        };
        if send.send(found).await.is_err() {
            return;
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}

/// Versions are numbers that grow; zero stands for one that is none, which is always taken for newer.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

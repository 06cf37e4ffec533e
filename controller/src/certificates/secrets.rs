//! The Secrets that Certificates and issuers name. One watch brings the metadata of all; a named Secret is fetched when
//! it is first named and when its version changes. Where the whole kind may not be watched, named Secrets are fetched
//! at intervals.

use super::Options;
use super::objects::{meta, secret, version};
use super::state::{Shared, SourceId, State};
use super::watches::namespaces;
use crate::watch::outage::Outage;
use crate::watch::watcher::{WatchEvent, Watcher};
use flow_acme::objects::{Key, Meta, Secret};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::core::v1 as core;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The number of Secrets that are fetched at the same time.
const MAX_FETCHES: usize = 16;
/// The pause after a fetch that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Helm keeps its releases in Secrets; they are not used here.
const NO_RELEASES: &str = "owner!=helm";

/// The lookup of the Secrets of one namespace, or of all.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) namespace: Option<String>,
    /// The channel for keys of Secrets to fetch.
    pub(super) send: mpsc::UnboundedSender<Vec<Key>>,
}

/// The outcome of a fetch that began when the Secret had the version `before`.
struct Fetched {
    key: Key,
    before: Option<u64>,
    outcome: kube::Result<Option<core::Secret>>,
}

struct Follower {
    id: SourceId,
    namespace: Option<String>,
    client: Client,
    shared: Arc<Shared>,
    seen: HashSet<Key>,
    queue: VecDeque<Key>,
    queued: HashSet<Key>,
    fetches: FuturesUnordered<BoxFuture<'static, Fetched>>,
}

/// Starts to follow them: in the watched namespaces, and in those that may hold account keys.
pub(super) fn start(
    client: &Client,
    options: &Options,
    outage: &Outage,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
) -> Vec<Lookup> {
    let mut places = namespaces(options);
    if !options.namespaces.is_empty() {
        places.push(options.settings.cluster_resource_namespace.clone());
        places.extend(options.settings.fallback_namespaces.iter().cloned());
        places.sort_unstable();
        places.dedup();
    }
    let lookups = places.into_iter().map(|place| {
        let (send, wants) = mpsc::unbounded_channel();
        let namespace = (!place.is_empty()).then_some(place.clone());
        let api: Api<PartialObjectMeta<core::Secret>> = match &namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let watcher = Watcher::new(api, Config::default().labels(NO_RELEASES), outage);
        let follower = Follower {
            id: ("Secret", place),
            namespace: namespace.clone(),
            client: client.clone(),
            shared: Arc::clone(shared),
            seen: HashSet::new(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
            fetches: FuturesUnordered::new(),
        };
        shared.state.lock().unlisted.insert(follower.id.clone());
        tasks.spawn(follower.run(watcher, wants));
        Lookup { namespace, send }
    });
    lookups.collect()
}

impl Follower {
    async fn run(
        mut self,
        mut watcher: Watcher<PartialObjectMeta<core::Secret>>,
        mut wants: mpsc::UnboundedReceiver<Vec<Key>>,
    ) {
        loop {
            self.fetch();
            tokio::select! {
                event = watcher.next() => self.handle(event),
                Some(keys) = wants.recv() => keys.into_iter().for_each(|key| self.push(key)),
                Some(fetched) = self.fetches.next(), if !self.fetches.is_empty() => self.fetched(fetched),
            }
        }
    }

    fn ours(&self, key: &Key) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }

    fn handle(&mut self, event: WatchEvent<PartialObjectMeta<core::Secret>>) {
        match event {
            WatchEvent::Event(Event::Init) => self.seen.clear(),
            WatchEvent::Event(Event::InitApply(object)) => {
                let metadata = meta(object.metadata);
                if self.passes(&metadata) {
                    self.seen.insert(metadata.key());
                }
            }
            WatchEvent::Event(Event::InitDone) => self.listed(),
            WatchEvent::Event(Event::Apply(object)) => {
                self.passes(&meta(object.metadata));
            }
            WatchEvent::Event(Event::Delete(object)) => {
                let gone = meta(object.metadata);
                self.shared.change(|state| {
                    let key = gone.key();
                    if state.view.secrets.get(&key).is_some_and(|s| version(&s.metadata) <= version(&gone)) {
                        state.view.secrets.remove(&key);
                    }
                    if state.wanted.contains(&key) || state.pending.contains(&key) {
                        state.deleted.insert(key, version(&gone));
                    }
                });
            }
            // They are looked up one by one, each time the watch is tried again.
            WatchEvent::Forbidden(_) | WatchEvent::Absent => {
                let shared = Arc::clone(&self.shared);
                shared.change(|state| {
                    state.unlisted.remove(&self.id);
                    self.queued = state.wanted.iter().filter(|key| self.ours(key)).cloned().collect();
                    self.queue = self.queued.iter().cloned().collect();
                    let State { pending, wanted, .. } = state;
                    pending.retain(|key| wanted.contains(key) || !self.ours(key));
                });
            }
        }
    }

    fn push(&mut self, key: Key) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
        }
    }

    /// Has a named Secret fetched, unless it is known in this version; returns true if it is named.
    fn passes(&mut self, metadata: &Meta) -> bool {
        let key = metadata.key();
        let mut state = self.shared.state.lock();
        if !state.keeps(metadata) {
            // It was kept only because of its label.
            if state.view.secrets.remove(&key).is_some() {
                self.shared.changed.notify_one();
            }
            return false;
        }
        let known = state.view.secrets.get(&key).map(|known| version(&known.metadata));
        if known.is_none_or(|known| known < version(metadata)) {
            // The view is not shown before this is in it.
            state.pending.insert(key.clone());
            drop(state);
            self.push(key);
        }
        true
    }

    /// Handles the end of a list: a Secret not in it is gone, unless it is newer than the list; then it is fetched.
    fn listed(&mut self) {
        let shared = Arc::clone(&self.shared);
        shared.change(|state| {
            state.unlisted.remove(&self.id);
            let missing = state.view.secrets.keys().filter(|key| self.ours(key) && !self.seen.contains(key));
            let missing: Vec<_> = missing.cloned().collect();
            missing.into_iter().for_each(|key| self.push(key));
        });
        self.seen = HashSet::new();
    }

    fn fetch(&mut self) {
        while self.fetches.len() < MAX_FETCHES
            && let Some(key) = self.queue.pop_front()
        {
            self.queued.remove(&key);
            let before = self.shared.state.lock().view.secrets.get(&key).map(|secret| version(&secret.metadata));
            let api: Api<core::Secret> = Api::namespaced(self.client.clone(), &key.namespace);
            self.fetches.push(
                async move {
                    let outcome = api.get_opt(&key.name).await;
                    if matches!(&outcome, Err(error) if !is_forbidden(error)) {
                        sleep(RETRY_PAUSE).await;
                    }
                    Fetched { key, before, outcome }
                }
                .boxed(),
            );
        }
    }

    fn fetched(&mut self, Fetched { key, before, outcome }: Fetched) {
        let shared = Arc::clone(&self.shared);
        shared.change(|state| {
            match outcome {
                Ok(Some(found)) => {
                    if state.keeps(&meta(found.metadata.clone())) {
                        keep(state, secret(found));
                    }
                }
                // Unless the watch reported it meanwhile.
                Ok(None) => {
                    if state.view.secrets.get(&key).map(|secret| version(&secret.metadata)) == before {
                        state.view.secrets.remove(&key);
                    }
                }
                Err(error) => {
                    state.pending.remove(&key);
                    if state.unreadable.insert(key.clone()) {
                        tracing::warn!(secret = %key, error = flow_model::diagnostic::causes(&error), "a Secret that certificates name cannot be read");
                    }
                    // A Secret that may not be read is tried again with the watch.
                    if !is_forbidden(&error) && state.wanted.contains(&key) {
                        self.push(key);
                    }
                    return;
                }
            }
            state.unreadable.remove(&key);
            state.pending.remove(&key);
        });
    }
}

/// Stores a Secret unless something newer is known of it.
fn keep(state: &mut State, found: Secret) {
    let (key, new) = (found.key(), version(&found.metadata));
    let known = state.view.secrets.get(&key).map(|present| version(&present.metadata));
    if known.is_none_or(|known| known < new) && state.deleted.get(&key).is_none_or(|deleted| *deleted < new) {
        state.view.secrets.insert(key, Arc::new(found));
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}

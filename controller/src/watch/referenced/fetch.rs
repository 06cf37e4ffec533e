//! Reading of objects: one by one, a few at a time, or in pages if many are wanted at once.

use crate::view::ObjectKey;
use crate::watch::watcher::Namespaced;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hashbrown::HashSet;
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The number of objects that are fetched at the same time.
const MAX_FETCHES: usize = 16;
/// The pause after a fetch that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// The number of waiting objects above which pages are read instead.
const MIN_FOR_PAGES: usize = 256;
/// The number of objects in a page.
const PAGE_SIZE: u32 = 250;

/// The selection of objects that a page may bring.
#[derive(Clone, Debug, Default)]
pub(in crate::watch) struct Sort {
    /// A label selector.
    pub(in crate::watch) labels: Option<&'static str>,
    /// A field selector of objects that are named in great numbers; without one there are no pages.
    pub(in crate::watch) fields: Option<&'static str>,
}

/// The result of reading.
pub(super) enum Fetched<K> {
    /// One object, by a fetch that began when `before` was the version last reported.
    One { key: ObjectKey, before: u64, outcome: kube::Result<Option<K>> },
    /// Some of a sort, asked for or not.
    Page(Vec<K>),
}

enum Outcome<K> {
    One(ObjectKey, u64, kube::Result<Option<K>>),
    Page(Vec<K>, Option<String>),
    NoPage,
}

/// The queue of objects to read, and the running reads.
pub(super) struct Fetches<K> {
    client: Client,
    /// The source of pages: one namespace, or all.
    namespace: Option<Arc<str>>,
    sort: Sort,
    queue: VecDeque<ObjectKey>,
    queued: HashSet<ObjectKey, foldhash::fast::RandomState>,
    /// The number of requests since pages were last started.
    fresh: usize,
    /// True while pages come in; the queue waits for them.
    paging: bool,
    running: FuturesUnordered<BoxFuture<'static, Outcome<K>>>,
}

impl<K: Namespaced> Fetches<K> {
    pub(super) fn new(client: Client, namespace: Option<Arc<str>>, sort: Sort) -> Self {
        let (queue, queued, running) = (VecDeque::new(), HashSet::default(), FuturesUnordered::new());
        Self { client, namespace, sort, queue, queued, fresh: 0, paging: false, running }
    }

    /// Has an object read.
    pub(super) fn push(&mut self, key: ObjectKey) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
            self.fresh += 1;
        }
    }

    /// Has an object read again after a failed attempt.
    pub(super) fn again(&mut self, key: ObjectKey) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
        }
    }

    /// Drops the reads that have not started.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.queued.clear();
    }

    /// Starts the reads that may start. `reported` returns the version of an object last reported; `None` if it need
    /// not be read any more.
    pub(super) fn begin(&mut self, reported: impl Fn(&ObjectKey) -> Option<u64>) {
        if self.paging {
            return;
        }
        if self.sort.fields.is_some() && self.fresh.min(self.queue.len()) > MIN_FOR_PAGES {
            self.fresh = 0;
            self.paging = true;
            self.page(None);
            return;
        }
        while self.running.len() < MAX_FETCHES
            && let Some(key) = self.queue.pop_front()
        {
            self.queued.remove(&key);
            let Some(before) = reported(&key) else { continue };
            let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
            let fetch = async move {
                let outcome = api.get_opt(&key.name).await;
                if matches!(&outcome, Err(error) if !is_forbidden(error)) {
                    sleep(RETRY_PAUSE).await;
                }
                Outcome::One(key, before, outcome)
            };
            self.running.push(fetch.boxed());
        }
    }

    /// Returns the next result; never, while nothing was started. May be dropped before it is ready without losing any.
    pub(super) async fn next(&mut self) -> Fetched<K> {
        loop {
            match self.running.next().await {
                Some(Outcome::One(key, before, outcome)) => return Fetched::One { key, before, outcome },
                Some(Outcome::Page(objects, rest)) => {
                    match rest {
                        Some(token) => self.page(Some(token)),
                        None => self.paging = false,
                    }
                    return Fetched::Page(objects);
                }
                // Objects that pages did not bring are fetched one by one.
                Some(Outcome::NoPage) => {
                    self.paging = false;
                    return Fetched::Page(Vec::new());
                }
                None => std::future::pending().await,
            }
        }
    }

    fn page(&mut self, token: Option<String>) {
        let api: Api<K> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let params = ListParams {
            label_selector: self.sort.labels.map(str::to_owned),
            field_selector: self.sort.fields.map(str::to_owned),
            limit: Some(PAGE_SIZE),
            continue_token: token,
            ..ListParams::default()
        };
        let fetch = async move {
            match api.list(&params).await {
                Ok(list) => Outcome::Page(list.items, list.metadata.continue_.filter(|token| !token.is_empty())),
                Err(_) => Outcome::NoPage,
            }
        };
        self.running.push(fetch.boxed());
    }
}

/// True if the API server responded that this is forbidden.
fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}

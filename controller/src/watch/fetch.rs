//! Objects that are read: one by one, a few at a time, or in pages where many are wanted at once.

use super::feed::Namespaced;
use crate::view::ObjectKey;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hashbrown::HashSet;
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How many are fetched at the same time.
const AT_ONCE: usize = 16;
/// The pause after a fetch that failed.
const RETRY: Duration = Duration::from_millis(500);
/// When so many more wait, pages are asked for instead.
const MANY: usize = 256;
/// How many are in a page.
const PAGE: u32 = 250;

/// Which objects a page may bring.
#[derive(Clone, Debug, Default)]
pub(super) struct Sort {
    /// A label selector.
    pub(super) labels: Option<&'static str>,
    /// A field selector of those that are named in great numbers; without one there are no pages.
    pub(super) fields: Option<&'static str>,
}

/// What was read.
pub(super) enum Fetched<K> {
    /// One, by a fetch that began when `before` was the version last told.
    One { key: ObjectKey, before: u64, outcome: kube::Result<Option<K>> },
    /// Some of a sort, whether they were asked for or not.
    Page(Vec<K>),
}

enum Outcome<K> {
    One(ObjectKey, u64, kube::Result<Option<K>>),
    Page(Vec<K>, Option<String>),
    NoPage,
}

/// What is to be read, and what is being read.
pub(super) struct Fetches<K> {
    client: Client,
    /// Where pages come from: one namespace, or all.
    namespace: Option<Arc<str>>,
    sort: Sort,
    queue: VecDeque<ObjectKey>,
    queued: HashSet<ObjectKey, foldhash::fast::RandomState>,
    /// How many were asked for since pages were last begun.
    fresh: usize,
    /// Pages come in; the queue waits for them.
    paging: bool,
    running: FuturesUnordered<BoxFuture<'static, Outcome<K>>>,
}

impl<K: Namespaced> Fetches<K> {
    pub(super) fn new(client: Client, namespace: Option<Arc<str>>, sort: Sort) -> Self {
        let (queue, queued, running) = (VecDeque::new(), HashSet::default(), FuturesUnordered::new());
        Self { client, namespace, sort, queue, queued, fresh: 0, paging: false, running }
    }

    /// Has this one read.
    pub(super) fn push(&mut self, key: ObjectKey) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
            self.fresh += 1;
        }
    }

    /// Has this one read again, as the last attempt failed.
    pub(super) fn again(&mut self, key: ObjectKey) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
        }
    }

    /// Forgets what was not begun.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.queued.clear();
    }

    /// Begins what may begin. `told` says which version of one was told last; none where it need not be read any more.
    pub(super) fn begin(&mut self, told: impl Fn(&ObjectKey) -> Option<u64>) {
        if self.paging {
            return;
        }
        if self.sort.fields.is_some() && self.fresh.min(self.queue.len()) > MANY {
            self.fresh = 0;
            self.paging = true;
            self.page(None);
            return;
        }
        while self.running.len() < AT_ONCE
            && let Some(key) = self.queue.pop_front()
        {
            self.queued.remove(&key);
            let Some(before) = told(&key) else { continue };
            let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
            let fetch = async move {
                let outcome = api.get_opt(&key.name).await;
                if matches!(&outcome, Err(error) if !is_forbidden(error)) {
                    sleep(RETRY).await;
                }
                Outcome::One(key, before, outcome)
            };
            self.running.push(fetch.boxed());
        }
    }

    /// What comes in next; never, while nothing was begun. May be dropped before it is ready without losing any.
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
                // What pages did not bring is fetched one by one.
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
            limit: Some(PAGE),
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

/// Whether the API server answered that this may not be done.
pub(super) fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}

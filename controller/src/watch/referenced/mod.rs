//! Secrets and ConfigMaps: of the tens of thousands in a cluster only those are read that a subscriber names, or selects
//! by their labels.
//!
//! One watch brings the metadata of all: their bodies may be large and are not needed. A named object is fetched when
//! it is first named, unless the watch knows that there is none, and when its version changes. Where the whole kind may not be watched, named objects are watched
//! one by one, which a namespace's own Role (or one with `resourceNames`) can allow. No content is kept here.

mod by_name;
mod fetch;
mod informer;
mod known;
mod lookups;
mod state;
mod subscriber;
#[cfg(test)]
mod tests;
mod written;

pub(super) use fetch::Sort;
pub(crate) use informer::ReferenceInformer;
pub(crate) use lookups::Lookups;
pub(crate) use subscriber::{LabelChoice, ReadError, ReferenceSubscriber, Resolution};
pub(crate) use written::WrittenSender;

use super::outage::Outage;
use super::watcher::{Namespaced, Watcher};
use by_name::ByName;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use state::Referenced;
use std::sync::Arc;
use subscriber::{AnyReader, LookupRequest, Subscribers};

/// The objects of one kind, in one namespace or in all.
#[derive(Clone)]
struct Source {
    client: Client,
    outage: Outage,
    /// The one namespace to watch, or all.
    namespace: Option<Arc<str>>,
    /// The selections of those that are watched at all, and of those that may be named in great numbers.
    sort: Sort,
}

impl Source {
    fn watcher<K: Namespaced>(&self) -> Watcher<PartialObjectMeta<K>> {
        let api = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let config = Config { label_selector: self.sort.labels.map(str::to_owned), ..Config::default() };
        Watcher::new(api, config, &self.outage)
    }
}

/// The objects that this process wrote.
type WrittenObjects<K> = tokio::sync::mpsc::UnboundedReceiver<K>;

/// The requests for objects, each with its subscriber.
type Requests = BoxStream<'static, (Subscribers, LookupRequest)>;

/// Tells the readers what they ask for by `requests`, and again whenever the object changes.
async fn follow<K: Namespaced>(
    source: Source,
    readers: Vec<Option<AnyReader<K>>>,
    mut requests: Requests,
    mut written: WrittenObjects<K>,
) {
    let mut first = None;
    // While none is named and labels do not matter, nothing is watched, and no permission is needed.
    while first.is_none() && !readers.iter().flatten().any(|reader| reader.selects_by_labels()) {
        match requests.next().await {
            Some((subscriber, LookupRequest::More(keys))) if !keys.is_empty() => first = Some((subscriber, keys)),
            Some(_) => {}
            None => return,
        }
    }
    let mut state = Referenced::new(source, readers);
    if let Some((subscriber, keys)) = first {
        state.named(subscriber, keys);
    }
    loop {
        state.begin();
        let deliveries = tokio::select! {
            request = requests.next() => match request {
                Some((subscriber, LookupRequest::More(keys))) => state.named(subscriber, keys),
                Some((subscriber, LookupRequest::Only(keys))) => state.only(subscriber, &keys),
                None => return,
            },
            Some(object) = written.recv() => state.written(object),
            event = state.watcher.next() => state.handle(event),
            fetched = state.fetches.next() => state.fetched(fetched),
            (key, read) = ByName::next(&mut state.by_name) => state.read_by_name(key, read),
        };
        for delivery in deliveries {
            delivery.tell(&mut state.readers).await;
        }
        if state.readers.iter().all(Option::is_none) {
            return;
        }
    }
}

//! The subscribers of a kind whose content is read only if one of them wants it, before its watches start.

use super::fetch::Sort;
use super::subscriber::{AnyReader, LabelChoice, LookupRequest, Reading, ReferenceSubscriber, Subscribers};
use super::written::WrittenSender;
use super::{Requests, Source, follow};
use crate::watch::outage::Outage;
use crate::watch::scope::Scope;
use crate::watch::watcher::Namespaced;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{StreamExt as _, select_all, unfold};
use kube::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A request, and its subscriber.
type Request = (Subscribers, LookupRequest);

/// Makes a subscriber for the watch of one namespace, or of all.
type MakeReader<K> = Box<dyn FnMut(Option<Arc<str>>) -> AnyReader<K> + Send>;

/// The channel of requests for objects of one namespace, or of all.
#[derive(Debug)]
pub(crate) struct LookupSender {
    pub(super) namespace: Option<Arc<str>>,
    subscriber: Subscribers,
    send: mpsc::UnboundedSender<Request>,
}

impl LookupSender {
    pub(super) fn send(&self, request: LookupRequest) {
        // The watch is gone only while everything ends.
        let _ = self.send.send((self.subscriber, request));
    }
}

/// The subscribers of a kind.
pub(crate) struct ReferenceInformer<K> {
    sort: Sort,
    subscriptions: Vec<Subscription<K>>,
    written: WrittenSender<K>,
}

struct Subscription<K> {
    /// The requests, by namespace.
    requests: Vec<(Option<Arc<str>>, mpsc::UnboundedReceiver<Request>)>,
    /// Makes the reader of the watch of one namespace, or of all.
    reader: MakeReader<K>,
}

impl<K: Namespaced> ReferenceInformer<K> {
    pub(in crate::watch) fn new(sort: Sort) -> Self {
        Self { sort, subscriptions: Vec::new(), written: WrittenSender::default() }
    }

    /// Returns the way for objects that this process writes.
    pub(crate) fn written(&self) -> WrittenSender<K> {
        self.written.clone()
    }

    /// Adds a subscriber to the objects in these namespaces (empty is all) that it names by what is returned, and to
    /// those that `labels` chooses. `subscriber` makes one for each watch, of a namespace or of all.
    pub(crate) fn subscribe<T: Send + 'static, S: ReferenceSubscriber<T>>(
        &mut self,
        namespaces: &[Arc<str>],
        labels: Option<LabelChoice>,
        read: fn(&K) -> T,
        mut subscriber: impl FnMut(Option<Arc<str>>) -> S + Send + 'static,
    ) -> Vec<LookupSender> {
        debug_assert!(self.subscriptions.len() < Subscribers::MAX, "one bit for each");
        let this = Subscribers::one(self.subscriptions.len());
        let scope = Scope { namespaces: namespaces.to_vec(), ..Scope::default() };
        let (mut requests, mut senders) = (Vec::new(), Vec::new());
        for namespace in scope.watched() {
            let (send, receive) = mpsc::unbounded_channel();
            requests.push((namespace.clone(), receive));
            senders.push(LookupSender { namespace, subscriber: this, send });
        }
        let reader = Box::new(move |watched: Option<Arc<str>>| {
            let namespaces = scope.namespaces.clone();
            // In a namespace of others nothing is selected, so that it is not watched for this subscriber.
            let covers = |namespace: &Arc<str>| namespaces.is_empty() || namespaces.contains(namespace);
            let labels = labels.clone().filter(|_| watched.as_ref().is_none_or(covers));
            let subscriber = subscriber(watched);
            Box::new(Reading { read, namespaces, labels, subscriber }) as AnyReader<K>
        });
        self.subscriptions.push(Subscription { requests, reader });
        senders
    }

    /// Returns the watches, each to be run as a task: one of all namespaces if a subscriber wants all.
    pub(in crate::watch) fn watches(mut self, client: &Client, outage: &Outage) -> Vec<BoxFuture<'static, ()>> {
        let wanted = || self.subscriptions.iter().flat_map(|subscription| &subscription.requests);
        let mut namespaces: BTreeSet<_> = wanted().map(|(namespace, _)| namespace.clone()).collect();
        if namespaces.contains(&None) {
            namespaces.retain(Option::is_none);
        }
        namespaces.into_iter().map(|namespace| self.watch(client, outage, namespace)).collect()
    }

    fn watch(&mut self, client: &Client, outage: &Outage, namespace: Option<Arc<str>>) -> BoxFuture<'static, ()> {
        let source = Source {
            client: client.clone(),
            outage: outage.clone(),
            namespace: namespace.clone(),
            sort: self.sort.clone(),
        };
        // Those who want nothing of this namespace keep their index.
        let readers = self.subscriptions.iter_mut().map(|subscription| Some((subscription.reader)(namespace.clone())));
        let readers = readers.collect();
        let covered = |place: &Option<Arc<str>>| namespace.is_none() || *place == namespace;
        let requests = self
            .subscriptions
            .iter_mut()
            .flat_map(|subscription| subscription.requests.extract_if(.., |(place, _)| covered(place)));
        let requests = requests.map(|(_, receive)| {
            unfold(receive, |mut receive| async { receive.recv().await.map(|request| (request, receive)) }).boxed()
        });
        let requests: Requests = select_all(requests.collect::<Vec<_>>()).boxed();
        let written = self.written.add(namespace);
        follow(source, readers, requests, written).boxed()
    }
}

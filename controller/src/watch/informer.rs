//! One watch of one kind and its subscribers: each event is read from the wire once, and of it each subscriber keeps its
//! own compact form. No object is kept here.

use super::outage::Outage;
use super::reader::{Reader, Subscriber, reader};
use super::scope::{Scope, Selected, merged};
use super::slot::{Slot, Start};
use super::watcher::{Namespaced, Watched, Watcher};
use futures_util::future::{BoxFuture, FutureExt as _};
use kube::core::ClusterResourceScope;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use std::sync::Arc;

/// Follows `watcher` until the reader wants no more.
pub(crate) async fn follow<K: Watched>(watcher: Watcher<K>, reader: Box<dyn Reader<K>>) {
    follow_all(watcher, vec![Slot::new(reader, None)]).await;
}

/// Follows `watcher` until no reader wants more.
async fn follow_all<K: Watched>(mut watcher: Watcher<K>, mut slots: Vec<Slot<K>>) {
    while !slots.is_empty() {
        let mut ended = Vec::new();
        tokio::select! {
            event = watcher.next() => for (index, slot) in slots.iter_mut().enumerate() {
                if slot.read(&event).await.is_break() {
                    ended.push(index);
                }
            },
            (index, event) = Slot::next_own(&mut slots) => if let Some(slot) = slots.get_mut(index)
                && slot.deliver(&event).await.is_break()
            {
                ended.push(index);
            },
        }
        for index in ended.into_iter().rev() {
            slots.swap_remove(index);
        }
    }
}

/// The subscribers of a kind, before its watches start.
pub(crate) struct Informer<K> {
    api: fn(Client, Option<&str>) -> Api<K>,
    wants: Vec<Selected>,
    readers: Vec<Box<dyn Reader<K>>>,
}

impl<K: Namespaced> Informer<K> {
    /// Returns the informer of a kind in namespaces.
    pub(super) fn namespaced() -> Self {
        Self::new(|client, namespace| match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        })
    }
}

impl<K: Watched + Resource<DynamicType = (), Scope = ClusterResourceScope>> Informer<K> {
    /// Returns the informer of a kind of the whole cluster.
    pub(super) fn global() -> Self {
        Self::new(|client, _| Api::all(client))
    }
}

impl<K: Watched> Informer<K> {
    fn new(api: fn(Client, Option<&str>) -> Api<K>) -> Self {
        Self { api, wants: Vec::new(), readers: Vec::new() }
    }

    /// Adds subscribers: one for each namespace of `scope`, or one for all, made by `subscriber`.
    pub(crate) fn subscribe<T: Send + 'static, S: Subscriber<T>>(
        &mut self,
        scope: &Scope,
        read: impl Fn(&K) -> Option<T> + Clone + Send + 'static,
        mut subscriber: impl FnMut(Option<Arc<str>>) -> S,
    ) {
        for namespace in scope.watched() {
            self.readers.push(reader(read.clone(), subscriber(namespace.clone())));
            self.wants.push(Selected { namespace, labels: scope.labels.clone() });
        }
    }

    /// Returns the watches, each to be run as a task. No two bring the same object.
    pub(super) fn watches(self, client: &Client, outage: &Outage) -> Vec<BoxFuture<'static, ()>> {
        let (watches, choices) = merged(&self.wants);
        let api = self.api;
        let start = |wanted: &Selected| {
            let (client, outage, wanted) = (client.clone(), outage.clone(), wanted.clone());
            move || {
                let labels = Some(wanted.labels.clone()).filter(|labels| !labels.is_empty());
                let config = Config { label_selector: labels, ..Config::default() };
                Watcher::new(api(client.clone(), wanted.namespace.as_deref()), config, &outage)
            }
        };
        let mut watches: Vec<_> = watches.into_iter().map(|watch| (watch, Vec::new())).collect();
        for ((mut reader, want), (index, filter)) in self.readers.into_iter().zip(&self.wants).zip(choices) {
            let Some((watch, slots)) = watches.get_mut(index) else { continue };
            reader.restrict(filter);
            let is_narrower = want.namespace != watch.namespace;
            slots.push(Slot::new(reader, is_narrower.then(|| Box::new(start(want)) as Start<K>)));
        }
        watches.into_iter().map(|(watch, slots)| follow_all(start(&watch)(), slots).boxed()).collect()
    }
}

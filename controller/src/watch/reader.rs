//! Subscribers of a watch, and how each reads its objects.

use super::scope::Filter;
use super::watcher::{WatchEvent, Watched};
use crate::view::ObjectKey;
use futures_util::future::{BoxFuture, FutureExt as _};
use kube::runtime::watcher::Event;
use std::ops::ControlFlow;

/// A change of the objects of a watch, as one subscriber reads them.
#[derive(Debug)]
pub(crate) enum Change<T> {
    /// An object is new or changed.
    Applied(T),
    /// An object is gone, or is not one of the subscriber's.
    Deleted(ObjectKey),
    /// The whole list, at the start and whenever a watch had to begin anew.
    Listed(Vec<T>),
    /// The kind does not exist.
    Absent,
    /// Listing or watching is forbidden: the API server's words.
    Forbidden(String),
}

/// A receiver of the changes of a watch.
pub(crate) trait Subscriber<T>: Send + 'static {
    /// Handles a change. Breaks once no more are wanted.
    fn handle(&mut self, change: Change<T>) -> impl Future<Output = ControlFlow<()>> + Send;
}

/// A subscriber and its way of reading objects, for a watch that knows neither.
pub(crate) trait Reader<K>: Send {
    /// Returns the delivery of an event to the subscriber; `None` if it does not concern it (yet).
    fn read<'a>(&'a mut self, event: &WatchEvent<K>) -> Option<BoxFuture<'a, ControlFlow<()>>>;

    /// Restricts the objects.
    fn restrict(&mut self, filter: Filter);
}

/// Returns a subscriber with its way of reading. Objects for which `read` returns nothing are none of its own.
pub(crate) fn reader<K: Watched, T: Send + 'static>(
    read: impl Fn(&K) -> Option<T> + Send + 'static,
    subscriber: impl Subscriber<T>,
) -> Box<dyn Reader<K>> {
    Box::new(Reading { read, filter: Filter::default(), list: Vec::new(), subscriber })
}

struct Reading<T, R, S> {
    read: R,
    filter: Filter,
    /// The list that is coming in.
    list: Vec<T>,
    subscriber: S,
}

impl<K, T, R, S> Reader<K> for Reading<T, R, S>
where
    K: Watched,
    T: Send,
    R: Fn(&K) -> Option<T> + Send,
    S: Subscriber<T>,
{
    fn read<'a>(&'a mut self, event: &WatchEvent<K>) -> Option<BoxFuture<'a, ControlFlow<()>>> {
        let Self { read, filter, list, subscriber } = self;
        let read = |object: &K| if filter.selects(object.meta()) { read(object) } else { None };
        let change = match event {
            WatchEvent::Event(Event::Init) => {
                *list = Vec::new();
                return None;
            }
            WatchEvent::Event(Event::InitApply(object) | Event::Apply(object) | Event::Delete(object))
                if !filter.covers(object.meta()) =>
            {
                return None;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                list.extend(read(object));
                return None;
            }
            WatchEvent::Event(Event::InitDone) => Change::Listed(std::mem::take(list)),
            WatchEvent::Event(Event::Apply(object)) => {
                read(object).map_or_else(|| Change::Deleted(ObjectKey::of(object.meta())), Change::Applied)
            }
            WatchEvent::Event(Event::Delete(object)) => Change::Deleted(ObjectKey::of(object.meta())),
            WatchEvent::Absent => Change::Absent,
            WatchEvent::Forbidden(words) => Change::Forbidden(words.clone()),
        };
        Some(subscriber.handle(change).boxed())
    }

    fn restrict(&mut self, filter: Filter) {
        self.filter = filter;
    }
}

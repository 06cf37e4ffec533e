//! The place of a reader at a watch, and what it turns to while the watch is forbidden.

use super::reader::Reader;
use super::watcher::{WatchEvent, Watched, Watcher};
use futures_util::future::{FutureExt as _, select_all};
use kube::runtime::watcher::Event;
use std::ops::ControlFlow;

/// Starts a watch.
pub(super) type Start<K> = Box<dyn Fn() -> Watcher<K> + Send>;

/// A reader, and the watch that it would have alone.
pub(super) struct Slot<K> {
    reader: Box<dyn Reader<K>>,
    /// The watch of what this reader wants and no more, if that is less than all. It may be allowed where the other is
    /// not.
    narrower: Option<Start<K>>,
    own: Option<Watcher<K>>,
}

impl<K: Watched> Slot<K> {
    pub(super) fn new(reader: Box<dyn Reader<K>>, narrower: Option<Start<K>>) -> Self {
        Self { reader, narrower, own: None }
    }

    /// Hands an event of the common watch on; not while its own watch is the one that works.
    pub(super) async fn read(&mut self, event: &WatchEvent<K>) -> ControlFlow<()> {
        match (event, &self.narrower) {
            (WatchEvent::Forbidden(_), Some(start)) => {
                self.own.get_or_insert_with(start);
                return ControlFlow::Continue(());
            }
            // The mere start of a list does not show yet that it is allowed.
            (WatchEvent::Event(Event::Init), _) if self.own.is_some() => return ControlFlow::Continue(()),
            _ if self.own.take().is_some() => self.deliver(&WatchEvent::Event(Event::Init)).await?,
            _ => {}
        }
        self.deliver(event).await
    }

    /// Hands an event on.
    pub(super) async fn deliver(&mut self, event: &WatchEvent<K>) -> ControlFlow<()> {
        match self.reader.read(event) {
            Some(delivery) => delivery.await,
            None => ControlFlow::Continue(()),
        }
    }

    /// Returns the next event of any own watch, with the index of its reader; never, while there are none. May be dropped
    /// before it is ready without losing one.
    pub(super) async fn next_own(slots: &mut [Self]) -> (usize, WatchEvent<K>) {
        let own = slots.iter_mut().enumerate().filter_map(|(index, slot)| Some((index, slot.own.as_mut()?)));
        let own: Vec<_> = own.map(|(index, own)| async move { (index, own.next().await) }.boxed()).collect();
        if own.is_empty() {
            return std::future::pending().await;
        }
        select_all(own).await.0
    }
}

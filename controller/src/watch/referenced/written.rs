//! Objects that this process wrote: they are known before the watch brings them, and need not be fetched.

use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A way into each watch of a kind, by the namespace that it covers.
type Ways<K> = Vec<(Option<Arc<str>>, mpsc::UnboundedSender<K>)>;

/// Passes written objects to the watches of their kind.
pub(crate) struct WrittenSender<K>(Arc<Mutex<Ways<K>>>);

impl<K> Clone for WrittenSender<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for WrittenSender<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: kube::Resource> WrittenSender<K> {
    /// Adds a watch of one namespace, or of all.
    pub(super) fn add(&self, namespace: Option<Arc<str>>) -> mpsc::UnboundedReceiver<K> {
        let (send, receive) = mpsc::unbounded_channel();
        self.0.lock().push((namespace, send));
        receive
    }

    /// Passes on an object as the API server returned it.
    pub(crate) fn send(&self, object: K) {
        let namespace = object.meta().namespace.as_deref();
        let ways = self.0.lock();
        let covers = |place: &Option<Arc<str>>| place.is_none() || place.as_deref() == namespace;
        if let Some((_, way)) = ways.iter().find(|(place, _)| covers(place)) {
            // The watch is gone only while everything ends.
            let _ = way.send(object);
        }
    }
}

impl<K> std::fmt::Debug for WrittenSender<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrittenSender")
    }
}

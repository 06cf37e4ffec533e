//! Watches of single objects, used if a whole kind may not be watched. An object that may be read but not watched is
//! read again each time the watch is tried.

use super::Source;
use super::subscriber::ReadError;
use crate::view::ObjectKey;
use crate::watch::watcher::{Namespaced, WatchEvent, Watcher};
use hashbrown::HashMap;
use kube::Api;
use kube::runtime::watcher::{Config, Event};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The number of objects that may wait before the watches are paused.
const INBOX_SIZE: usize = 64;

/// The key of an object, and the object, none if it does not exist, or the reason why it cannot be read.
pub(super) type Read<K> = (ObjectKey, Result<Option<K>, ReadError>);

/// The running watches.
pub(super) struct ByName<K> {
    tasks: JoinSet<()>,
    by_key: HashMap<ObjectKey, AbortHandle>,
    inbox: (mpsc::Sender<Read<K>>, mpsc::Receiver<Read<K>>),
}

impl<K: Namespaced> ByName<K> {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), by_key: HashMap::new(), inbox: mpsc::channel(INBOX_SIZE) }
    }

    /// Starts one more watch.
    pub(super) fn watch(&mut self, source: &Source, key: ObjectKey) {
        let api = Api::namespaced(source.client.clone(), &key.namespace);
        let config = Config::default().fields(&format!("metadata.name={}", key.name));
        let watcher = Watcher::new(api.clone(), config, &source.outage);
        let task = self.tasks.spawn(one(key.clone(), api, watcher, self.inbox.0.clone()));
        // Asked for again: restarted, so that it is reported again.
        if let Some(old) = self.by_key.insert(key, task) {
            old.abort();
        }
    }

    /// Ends the watches of all other keys.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectKey) -> bool) {
        for (_, task) in self.by_key.extract_if(|key, _| !keep(key)) {
            task.abort();
        }
    }

    /// Returns the next object; never, while there are no watches. May be dropped before it is ready without losing any.
    pub(super) async fn next(this: &mut Option<Self>) -> Read<K> {
        match this {
            Some(this) => match this.inbox.1.recv().await {
                Some(read) => read,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

/// Follows the one object that `watcher` watches.
async fn one<K: Namespaced>(key: ObjectKey, api: Api<K>, mut watcher: Watcher<K>, send: mpsc::Sender<Read<K>>) {
    let mut listed = None;
    loop {
        let read = match watcher.next().await {
            WatchEvent::Event(Event::Init) => {
                listed = None;
                continue;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                listed = Some(object);
                continue;
            }
            WatchEvent::Event(Event::InitDone) => Ok(listed.take()),
            WatchEvent::Event(Event::Apply(object)) => Ok(Some(object)),
            WatchEvent::Event(Event::Delete(_)) | WatchEvent::Absent => Ok(None),
            WatchEvent::Forbidden(words) => api.get_opt(&key.name).await.map_err(|error| {
                let error = ReadError::of(&error);
                ReadError { forbidden: error.forbidden.map(|_| words), ..error }
            }),
        };
        if send.send((key.clone(), read)).await.is_err() {
            return;
        }
    }
}

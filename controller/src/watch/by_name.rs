//! Watches of single objects, used if a whole kind may not be watched.

use super::referenced::{ReferenceLookup, Resolved};
use super::watcher::{Namespaced, WatchEvent, Watched, Watcher};
use crate::view::{Kind, Object, ObjectKey};
use hashbrown::{HashMap, HashSet};
use kube::runtime::watcher::Event;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The running watches.
#[derive(Default)]
pub(super) struct ByName {
    tasks: JoinSet<()>,
    by_key: HashMap<ObjectKey, AbortHandle>,
}

impl ByName {
    /// Starts one more watch.
    pub(super) fn watch<K: Namespaced>(
        &mut self,
        lookup: &ReferenceLookup<K>,
        key: ObjectKey,
        send: &mpsc::Sender<Resolved>,
    ) {
        let task = one(lookup.kind, key.clone(), lookup.named(&key), lookup.read, send.clone());
        // Asked for again: restarted, so that it is reported again.
        if let Some(old) = self.by_key.insert(key, self.tasks.spawn(task)) {
            old.abort();
        }
    }

    /// Ends the watches of all other keys.
    pub(super) fn only(&mut self, keys: &HashSet<ObjectKey, foldhash::fast::RandomState>) {
        for (_, task) in self.by_key.extract_if(|key, _| !keys.contains(key)) {
            task.abort();
        }
    }
}

/// Follows the one object that `watcher` watches.
async fn one<K: Watched>(
    kind: Kind,
    key: ObjectKey,
    mut watcher: Watcher<K>,
    read: fn(&K) -> Object,
    send: mpsc::Sender<Resolved>,
) {
    let mut listed = None;
    loop {
        let resolved = match watcher.next().await {
            WatchEvent::Event(Event::Init) => {
                listed = None;
                continue;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                listed = Some(read(&object));
                continue;
            }
            WatchEvent::Event(Event::InitDone) => Resolved::Is(kind, key.clone(), listed.take()),
            WatchEvent::Event(Event::Apply(object)) => Resolved::Is(kind, key.clone(), Some(read(&object))),
            WatchEvent::Event(Event::Delete(_)) | WatchEvent::Absent => Resolved::Is(kind, key.clone(), None),
            WatchEvent::Forbidden(words) => Resolved::Forbidden(kind, key.clone(), words),
        };
        if send.send(resolved).await.is_err() {
            return;
        }
    }
}

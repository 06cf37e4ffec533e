//! One watch of one kind, turned into messages of compact objects: the structs of the wire format are used only here.

use super::watcher::{WatchEvent, Watched, Watcher};
use crate::view::{Kind, Object, ObjectKey};
use kube::runtime::watcher::Event;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The identity of a watch: a kind, in one namespace or in all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct SourceId {
    /// The kind.
    pub(crate) kind: Kind,
    /// The namespace; `None` is all.
    pub(crate) namespace: Option<Arc<str>>,
}

/// A message of a watch to the owner of the view.
#[derive(Debug)]
pub(crate) enum Message {
    /// An object is new or changed.
    Applied(Object),
    /// An object is gone.
    Deleted(Kind, ObjectKey),
    /// The whole list, at the start and whenever a watch had to begin anew.
    Listed(SourceId, Vec<Object>),
    /// Listing or watching is forbidden: the API server's words.
    Forbidden(SourceId, String),
}

/// Follows `watcher` until the receiver is gone. Objects for which `read` returns nothing are left out.
pub(super) async fn follow<K: Watched>(
    source: SourceId,
    mut watcher: Watcher<K>,
    read: impl Fn(K) -> Option<Object>,
    send: mpsc::Sender<Message>,
) {
    let mut list = Vec::new();
    loop {
        let message = match watcher.next().await {
            WatchEvent::Event(Event::Init) => {
                list = Vec::new();
                continue;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                list.extend(read(object));
                continue;
            }
            WatchEvent::Event(Event::InitDone) => Message::Listed(source.clone(), std::mem::take(&mut list)),
            WatchEvent::Event(Event::Apply(object)) => match read(object) {
                Some(object) => Message::Applied(object),
                None => continue,
            },
            WatchEvent::Event(Event::Delete(object)) => Message::Deleted(source.kind, ObjectKey::of(object.meta())),
            WatchEvent::Absent => Message::Listed(source.clone(), Vec::new()),
            WatchEvent::Forbidden(words) => Message::Forbidden(source.clone(), words),
        };
        if send.send(message).await.is_err() {
            return;
        }
    }
}

//! The messages of watches to the one owner of the view.

use super::reader::{Change, Subscriber};
use super::referenced::{ReferenceSubscriber, Resolution};
use crate::view::{Kind, Object, ObjectKey};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The identity of a watch: a kind, in one namespace or in all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct SourceId {
    /// The kind.
    pub(super) kind: Kind,
    /// The namespace; `None` is all.
    pub(super) namespace: Option<Arc<str>>,
}

/// A change that a watch brought.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) source: SourceId,
    pub(super) change: Change<Object>,
}

/// The subscription of the view's owner to one watch.
pub(super) struct ToView {
    pub(super) source: SourceId,
    pub(super) send: mpsc::Sender<Message>,
}

impl Subscriber<Object> for ToView {
    async fn handle(&mut self, change: Change<Object>) -> ControlFlow<()> {
        match self.send.send(Message { source: self.source.clone(), change }).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// The result of a lookup.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) kind: Kind,
    pub(super) key: ObjectKey,
    /// The object, or none if it does not exist; the API server's words if reading is forbidden.
    pub(super) found: Result<Option<Object>, String>,
}

/// The subscription of the view's owner to the objects that it names.
#[derive(Clone)]
pub(super) struct ResolvedToView {
    pub(super) kind: Kind,
    pub(super) send: mpsc::Sender<Resolved>,
}

impl ReferenceSubscriber<Object> for ResolvedToView {
    async fn handle(&mut self, news: Resolution<Object>) -> ControlFlow<()> {
        let (key, found) = match news {
            Resolution::Is(key, object) => (key, Ok(object)),
            Resolution::Unreadable(key, error) => match error.forbidden {
                Some(words) => (key, Err(words)),
                // It is tried again.
                None => return ControlFlow::Continue(()),
            },
            Resolution::Listed | Resolution::Outdated(_) | Resolution::Dropped(_) => {
                return ControlFlow::Continue(());
            }
        };
        match self.send.send(Resolved { kind: self.kind, key, found }).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

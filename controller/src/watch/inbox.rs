//! The messages of watches to the one owner of the view.

use super::informer::{Change, Subscriber};
use crate::view::{Kind, Object};
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

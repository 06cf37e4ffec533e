//! The body of a request on its way to a backend.

use super::gate::Gate;
use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A request's body without its trailers: those are not forwarded, as in Traefik.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    body: Body,
    /// Goes away with the body, which is how its other end learns that all was sent.
    sent: Option<oneshot::Sender<()>>,
    gate: Option<Gate>,
}

impl Outgoing {
    pub(super) fn new(body: Body) -> Self {
        Self { body, sent: None, gate: None }
    }

    /// Nothing is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    /// Ends when the body has been sent or dropped.
    pub(super) fn watch(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.sent = Some(sender);
        receiver
    }

    /// Waits at `gate` before the first byte.
    pub(super) fn wait_at(&mut self, gate: Gate) {
        self.gate = Some(gate);
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_open(cx));
            self.gate = None;
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
            other => Poll::Ready(other),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

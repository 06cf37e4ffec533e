//! The body of a request on its way to a backend.

use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A request's body without its trailers: those are not forwarded, as in Traefik.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    /// Bytes that come before the body.
    ahead: Bytes,
    body: Body,
    /// Dropped together with the body, which tells the receiver that all was sent.
    sent: Option<oneshot::Sender<()>>,
}

impl RequestBody {
    pub(super) fn new(body: Body) -> Self {
        Self { ahead: Bytes::new(), body, sent: None }
    }

    /// True if nothing is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        http_body::Body::is_end_stream(self)
    }

    /// Ends when the body has been sent or dropped.
    pub(super) fn watch(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.sent = Some(sender);
        receiver
    }

    /// Puts the chunk taken last before the body again.
    pub(super) fn put_back(&mut self, piece: Bytes) {
        self.ahead = piece;
    }

    /// Waits for the first bytes or the end of the body.
    ///
    /// # Errors
    /// The body's own.
    pub(super) async fn look_ahead(&mut self) -> Result<(), BodyError> {
        match self.frame().await {
            None => *self = Self::default(),
            Some(frame) => self.ahead = frame?.into_data().unwrap_or_default(),
        }
        Ok(())
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.ahead)))));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
            other => Poll::Ready(other),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.len() as u64;
        match self.body.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + ahead),
            None => SizeHint::default(),
        }
    }
}

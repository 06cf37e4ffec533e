//! The body of a request on its way to a backend.

use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A request's body without its trailers: those are not forwarded, as in Traefik.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    /// Bytes that come before the body.
    peeked: Bytes,
    body: Body,
}

impl RequestBody {
    pub(super) fn new(body: Body) -> Self {
        Self { peeked: Bytes::new(), body }
    }

    /// True if nothing is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        http_body::Body::is_end_stream(self)
    }

    /// Puts the chunk taken last before the body again.
    pub(super) fn put_back(&mut self, piece: Bytes) {
        self.peeked = piece;
    }

    /// Waits for the first bytes or the end of the body.
    ///
    /// # Errors
    /// The body's own.
    pub(super) async fn peek(&mut self) -> Result<(), BodyError> {
        match self.frame().await {
            None => *self = Self::default(),
            Some(frame) => self.peeked = frame?.into_data().unwrap_or_default(),
        }
        Ok(())
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.peeked.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.peeked)))));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
            other => Poll::Ready(other),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.peeked.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let peeked = self.peeked.len() as u64;
        match self.body.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + peeked),
            None => SizeHint::default(),
        }
    }
}

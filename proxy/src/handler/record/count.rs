//! Counts the bytes of a request's body of unknown length.

use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// A body that counts the bytes passing through it.
pub(super) struct Counted {
    body: Body,
    count: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(body: Body) -> (Self, Arc<AtomicU64>) {
        let count = Arc::default();
        (Self { body, count: Arc::clone(&count) }, count)
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.count.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! A body that fails once it is longer than it may be.

use crate::Body;
use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// The reason why a body was ended.
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than it may be")]
struct TooLong;

/// The knowledge whether a body was longer than it may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body of at most so many bytes.
pub(super) struct Limited {
    inner: Body,
    left: u64,
    exceeded: Exceeded,
}

impl Limited {
    pub(super) fn new(inner: Body, limit: u64) -> (Self, Exceeded) {
        let exceeded = Exceeded::default();
        (Self { inner, left: limit, exceeded: exceeded.clone() }, exceeded)
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx)?);
        if let Some(data) = frame.as_ref().and_then(Frame::data_ref) {
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                self.exceeded.0.store(true, Ordering::Release);
                self.inner = Body::Empty;
                return Poll::Ready(Some(Err(TooLong.into())));
            };
            self.left = left;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && !self.exceeded.get()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

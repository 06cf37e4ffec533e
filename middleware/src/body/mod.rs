//! Bodies of requests and responses, streamed.

mod pause;
mod stream;

pub use pause::{PausedTooLong, Pauses, UnreadBodies};
pub use stream::StreamBody;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The reason why a body ended early.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// True if the client sent a body with wrong framing, as opposed to going away.
///
/// Covers hyper's errors for a chunk, for trailers, and for a stream that the HTTP/2 library itself has reset.
#[must_use]
pub fn is_malformed(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
        }
        if let Some(h2) = current.downcast_ref::<h2::Error>() {
            return h2.is_library() && h2.is_reset();
        }
        cause = current.source();
    }
    false
}

/// True if the client has paused for too long within its body.
#[must_use]
pub fn is_paused(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<PausedTooLong>())
}

/// A body in transit. The common kinds are not boxed.
#[derive(Default)]
pub enum Body {
    /// Any body that a middleware or the upstream side wraps.
    Boxed(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>),
    /// No bytes.
    #[default]
    Empty,
    /// One chunk in memory.
    Full(Bytes),
    /// Streamed from an HTTP/1 peer.
    Incoming(hyper::body::Incoming),
    /// Streamed from an HTTP/2 peer.
    Stream(StreamBody),
}

impl Body {
    /// A body of another kind.
    pub fn boxed<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self::Boxed(Box::pin(body.map_err(Into::into)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boxed(_) => "Boxed",
            Self::Empty => "Empty",
            Self::Full(_) => "Full",
            Self::Incoming(_) => "Incoming",
            Self::Stream(_) => "Stream",
        })
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl From<hyper::body::Incoming> for Body {
    fn from(incoming: hyper::body::Incoming) -> Self {
        Self::Incoming(incoming)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Boxed(body) => body.as_mut().poll_frame(cx),
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Incoming(incoming) => {
                Poll::Ready(ready!(Pin::new(incoming).poll_frame(cx)).map(|frame| frame.map_err(Into::into)))
            }
            Self::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Boxed(body) => body.is_end_stream(),
            Self::Empty => true,
            Self::Full(_) => false,
            Self::Incoming(incoming) => incoming.is_end_stream(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Boxed(body) => body.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Incoming(incoming) => incoming.size_hint(),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

/// A body that keeps a value until it is dropped, such as what is released or measured at its end.
#[derive(Debug)]
pub struct Holding<T> {
    body: Body,
    _value: T,
}

impl<T> Holding<T> {
    /// `body`, which keeps `value`.
    pub fn new(body: Body, value: T) -> Self {
        Self { body, _value: value }
    }
}

impl<T: Unpin> http_body::Body for Holding<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

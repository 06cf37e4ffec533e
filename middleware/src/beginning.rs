//! The beginning of a body, taken for a look and put back.

use crate::Body;
use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The longest time that output may be held back: Traefik's default `flushInterval`.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// The beginning of a body.
pub(crate) enum First {
    /// These bytes, and then the rest.
    Data(Bytes, Body),
    /// No bytes: trailers at most.
    End(Body),
    /// Nothing came within [`FLUSH_INTERVAL`].
    Late(Body),
}

/// Waits for the first bytes; at most [`FLUSH_INTERVAL`] if `bounded`.
pub(crate) async fn first(mut body: Body, bounded: bool) -> First {
    let next = async {
        loop {
            match body.frame().await {
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                next => return next,
            }
        }
    };
    let next = if bounded {
        match Box::pin(tokio::time::timeout(FLUSH_INTERVAL, next)).await {
            Ok(next) => next,
            Err(_) => return First::Late(body),
        }
    } else {
        next.await
    };
    match next.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => First::Data(data, body),
        Some(Ok(Err(trailers))) => First::End(Body::boxed(Last(Some(Ok(trailers))))),
        Some(Err(error)) => First::End(Body::boxed(Last(Some(Err(error))))),
        None => First::End(Body::Empty),
    }
}

/// The body as it was before its first bytes were taken.
pub(crate) fn put_back(first: Option<Bytes>, body: Body) -> Body {
    match first {
        None => body,
        Some(first) if body.is_end_stream() => Body::from(first),
        Some(first) => Body::boxed(PutBack { first: Some(first), inner: body }),
    }
}

struct PutBack {
    first: Option<Bytes>,
    inner: Body,
}

impl http_body::Body for PutBack {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut this.inner).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.inner.is_end_stream()
    }
}

/// A body of trailers or an error only.
struct Last(Option<Result<Frame<Bytes>, BodyError>>);

impl http_body::Body for Last {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.take())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

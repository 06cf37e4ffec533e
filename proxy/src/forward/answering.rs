//! The body of an answer over HTTP/1.1.

use super::endpoint::Endpoint;
use super::error::broken_off;
use super::http1::Http1;
use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The body of an answer, which polls the connection that it comes from and gives it back at its end. Dropped before,
/// it closes the connection.
pub(super) struct Answering {
    incoming: Incoming,
    /// Read ahead.
    first: Option<Result<Frame<Bytes>, hyper::Error>>,
    /// `None` once the body has ended.
    connection: Option<Box<Http1>>,
    endpoint: Arc<Endpoint>,
}

impl Answering {
    pub(super) fn new(incoming: Incoming, connection: Box<Http1>, endpoint: &Arc<Endpoint>) -> Self {
        Self { incoming, first: None, connection: Some(connection), endpoint: Arc::clone(endpoint) }
    }

    /// As small as it can be.
    pub(super) fn into_body(mut self) -> Body {
        self.take_whole().unwrap_or_else(|| Body::Boxed(Box::pin(self)))
    }

    /// The whole body, where it has come together with the head: nothing needs to be boxed then.
    fn take_whole(&mut self) -> Option<Body> {
        if self.incoming.is_end_stream() {
            self.finish();
            return Some(Body::Empty);
        }
        match Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(None) => {
                self.finish();
                Some(Body::Empty)
            }
            Poll::Ready(Some(Ok(frame))) if self.incoming.is_end_stream() => {
                self.finish();
                match frame.into_data() {
                    Ok(data) => Some(Body::Full(data)),
                    Err(frame) => {
                        self.first = Some(Ok(frame));
                        None
                    }
                }
            }
            Poll::Ready(Some(frame)) => {
                self.first = Some(frame);
                None
            }
        }
    }

    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.release(&self.endpoint);
        }
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = match this.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => {
                let Some(connection) = &mut this.connection else { return Poll::Ready(None) };
                connection.drive();
                if connection.is_inline() {
                    Pin::new(&mut this.incoming).poll_frame(&mut Context::from_waker(Waker::noop()))
                } else {
                    Pin::new(&mut this.incoming).poll_frame(cx)
                }
            }
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if frame.is_trailers() || this.incoming.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.connection = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => match &this.connection {
                Some(connection) if connection.has_ended() => {
                    this.connection = None;
                    Poll::Ready(Some(Err(broken_off())))
                }
                Some(connection) => {
                    connection.wait(cx);
                    Poll::Pending
                }
                None => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.incoming.size_hint();
        let ahead = match &self.first {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        match rest.exact() {
            Some(exact) => SizeHint::with_exact(exact + ahead),
            None => rest,
        }
    }
}

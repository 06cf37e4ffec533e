//! The body of a response.

use super::super::Endpoint;
use super::Http1;
use super::decoder::Decoder;
use super::error::Http1Error;
use crate::forward::io_error::broken_off;
use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The body of a response, which reads from its connection and returns it to the pool at its end. If it is dropped
/// earlier, it closes the connection.
pub(super) struct ResponseBody {
    decoder: Decoder,
    /// `None` once the body has ended.
    connection: Option<Box<Http1>>,
    endpoint: Arc<Endpoint>,
}

impl ResponseBody {
    pub(super) fn new(decoder: Decoder, connection: Box<Http1>, endpoint: &Arc<Endpoint>) -> Self {
        Self { decoder, connection: Some(connection), endpoint: Arc::clone(endpoint) }
    }

    /// The smallest form: if all of it came together with the head, nothing needs to be boxed.
    pub(super) fn into_body(mut self) -> Body {
        if let (Decoder::Length(length), Some(connection)) = (&self.decoder, &mut self.connection)
            && let Ok(length) = usize::try_from(*length)
            && connection.read.len() >= length
        {
            let body = Body::from(connection.read.split_to(length).freeze());
            self.finish();
            return body;
        }
        Body::Boxed(Box::pin(self))
    }

    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.release(&self.endpoint);
        }
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Http1Error>>> {
        loop {
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            connection.poll_writer(cx)?;
            let frame = self.decoder.decode(&mut connection.read)?;
            if self.decoder.is_ended() {
                self.finish();
            }
            if frame.is_some() {
                return Poll::Ready(frame.map(Ok));
            }
            if let Some(connection) = &mut self.connection
                && ready!(connection.poll_fill(cx))? == 0
            {
                self.decoder.close()?;
            }
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = ready!(this.poll_decoded(cx));
        Poll::Ready(polled.map(|frame| {
            frame.map_err(|error| {
                this.connection = None;
                match error {
                    Http1Error::CutShort => broken_off(),
                    error => error.into(),
                }
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Length(left) => SizeHint::with_exact(left),
            Decoder::Chunked(_) | Decoder::UntilClose => SizeHint::default(),
        }
    }
}

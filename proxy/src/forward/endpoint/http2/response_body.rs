//! The body of a response over HTTP/2.

use super::super::broken::Broken;
use super::super::http1::MAX_HEADERS;
use super::connection::Stream;
use crate::forward::headers::clean_trailers;
use bytes::Bytes;
use flow_middleware::body::{BodyError, StreamBody};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_util::task::AbortOnDropHandle;

/// The body of a response. Until it ends it counts as a stream, and the rest of the request's body is sent.
pub(super) struct ResponseBody {
    pub(super) body: StreamBody,
    pub(super) _stream: Stream,
    pub(super) _upload: Option<AbortOnDropHandle<()>>,
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame?.into_trailers() {
            Ok(trailers) if trailers.len() > MAX_HEADERS => Err(Broken::TooLarge.into()),
            Ok(mut trailers) => {
                clean_trailers(&mut trailers);
                Ok(Frame::trailers(trailers))
            }
            Err(data) => Ok(data),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

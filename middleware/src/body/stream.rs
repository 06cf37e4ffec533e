//! Bodies that come as HTTP/2 streams.

use super::BodyError;
use super::pause::Pauses;
use crate::Interim;
use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that comes as an HTTP/2 stream. Its sender gets room for more as it is read.
#[derive(Debug)]
pub struct StreamBody {
    stream: RecvStream,
    /// The number of bytes still to come, if it was announced. The HTTP/2 library holds the sender to it.
    length: Option<u64>,
    /// True if only trailers can come.
    data_ended: bool,
    /// The limit on the sender's pauses.
    pauses: Option<Pauses>,
    /// The way to a client that sends nothing before it is told to.
    expecting: Option<Interim>,
    /// True if the sender is a server, which may end a stream after its response with `NO_ERROR`.
    of_server: bool,
}

impl StreamBody {
    /// The body of a client's request with these headers. A client that has sent none of it is told through
    /// `expecting` that it is wanted, once somebody reads it.
    #[must_use]
    pub fn of_request(
        stream: RecvStream,
        headers: &HeaderMap,
        pauses: Option<Pauses>,
        expecting: Option<Interim>,
    ) -> Self {
        Self { stream, length: length(headers), data_ended: false, pauses, expecting, of_server: false }
    }

    /// The body of a server's response with these headers.
    #[must_use]
    pub fn of_response(stream: RecvStream, headers: &HeaderMap) -> Self {
        Self { stream, length: length(headers), data_ended: false, pauses: None, expecting: None, of_server: true }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_ended {
            if let Some(data) = ready!(self.stream.poll_data(cx)) {
                let data = data?;
                // Fails only for more than has come.
                let _ = self.stream.flow_control().release_capacity(data.len());
                self.length = self.length.map(|length| length.saturating_sub(data.len() as u64));
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            self.data_ended = true;
        }
        self.stream.poll_trailers(cx).map(|trailers| trailers.map(|trailers| trailers.map(Frame::trailers)).transpose())
    }

    /// True if `error` ends a body that is whole (RFC 9113 section 8.1).
    fn is_end(&self, error: &h2::Error) -> bool {
        self.of_server && error.reason() == Some(Reason::NO_ERROR) && self.length.is_none_or(|length| length == 0)
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.poll_stream(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(pauses) = &mut this.pauses
                    && frame.data_ref().is_none_or(|data| !data.is_empty())
                {
                    pauses.end();
                }
                this.expecting = None;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) if this.is_end(&error) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                if let Some(client) = this.expecting.take() {
                    client.want_body();
                }
                match &mut this.pauses {
                    Some(pauses) => pauses.poll(cx).map(|paused| Some(Err(paused.into()))),
                    None => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The announced length of a body, in bytes.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

//! A response's body with its trailers at the end of it, as it streams through.

use super::Form;
use crate::Body;
use crate::body::BodyError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The flag of a message that holds trailers.
const TRAILERS: u8 = 0x80;

/// The form of a body for a client of gRPC-Web.
pub(super) struct WebBody {
    inner: Body,
    form: Form,
    ended: bool,
}

impl WebBody {
    pub(super) fn new(inner: Body, form: Form) -> Self {
        Self { inner, form, ended: false }
    }

    /// Each part is padded, so that the client can decode it at once.
    fn frame(&self, data: Bytes) -> Frame<Bytes> {
        match self.form {
            Form::Binary => Frame::data(data),
            Form::Base64 => Frame::data(Bytes::from(STANDARD.encode(data))),
        }
    }
}

/// The message that ends a body: names in lower case and in order, a line for each value.
fn message(trailers: &HeaderMap) -> Bytes {
    let mut lines: Vec<_> = trailers.iter().collect();
    // Stable: several values of a name stay in order.
    lines.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    let mut message = vec![TRAILERS, 0, 0, 0, 0];
    for (name, value) in lines {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    let length = u32::try_from(message.len() - 5).unwrap_or(u32::MAX);
    message[1..5].copy_from_slice(&length.to_be_bytes());
    Bytes::from(message)
}

impl http_body::Body for WebBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx)?);
            let trailers = match frame.map(Frame::into_data) {
                Some(Ok(data)) if data.is_empty() => continue,
                Some(Ok(data)) => return Poll::Ready(Some(Ok(self.frame(data)))),
                Some(Err(frame)) => frame.into_trailers().unwrap_or_default(),
                None => HeaderMap::new(),
            };
            self.ended = true;
            return Poll::Ready(Some(Ok(self.frame(message(&trailers)))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

//! A request's body in Base64, decoded as it streams through.

use crate::Body;
use crate::body::BodyError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::Frame;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// The knowledge whether a body was no Base64.
#[derive(Clone, Debug, Default)]
pub(super) struct Broken(Arc<AtomicBool>);

impl Broken {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Notes an error that the client made, as one in the framing of its body is.
    fn malformed(&self) -> BodyError {
        self.0.store(true, Ordering::Release);
        io::Error::new(io::ErrorKind::InvalidData, "the body is not Base64").into()
    }
}

/// The decoded form of a body. Each part of it may end with padding.
pub(super) struct DecodedBody {
    inner: Body,
    /// The characters of a group of four that is not complete.
    rest: Vec<u8>,
    broken: Broken,
}

impl DecodedBody {
    pub(super) fn new(inner: Body, broken: Broken) -> Self {
        Self { inner, rest: Vec::new(), broken }
    }

    fn decode(&mut self, data: &[u8]) -> Result<Bytes, BodyError> {
        self.rest.extend(data.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let (groups, rest) = self.rest.as_chunks::<4>();
        let mut decoded = Vec::with_capacity(groups.len() * 3);
        let mut parts = groups;
        while !parts.is_empty() {
            // A part ends with the first group that is padded.
            let end = parts.iter().position(|group| group[3] == b'=').map_or(parts.len(), |padded| padded + 1);
            let (part, following) = parts.split_at(end);
            STANDARD.decode_vec(part.as_flattened(), &mut decoded).map_err(|_| self.broken.malformed())?;
            parts = following;
        }
        self.rest = rest.to_vec();
        Ok(Bytes::from(decoded))
    }
}

impl http_body::Body for DecodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)?) else {
                let is_cut = !std::mem::take(&mut self.rest).is_empty();
                return Poll::Ready(is_cut.then(|| Err(self.broken.malformed())));
            };
            match frame.into_data() {
                Ok(data) => {
                    let decoded = self.decode(&data)?;
                    if !decoded.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(decoded))));
                    }
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }
}

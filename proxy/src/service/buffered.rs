//! Bodies of requests that are read before they are sent, because more than one service may get them.

use bytes::{Bytes, BytesMut};
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body that was read.
pub(super) enum Buffered {
    /// All of its bytes.
    Whole(Bytes),
    /// It is longer than the limit. The body is as it was.
    TooLong(Body),
}

/// Reads `body`, but not beyond `limit` bytes. Trailers are left out, as they are not forwarded either.
///
/// # Errors
/// The body's own.
pub(super) async fn read(mut body: Body, limit: u64) -> Result<Buffered, BodyError> {
    if body.size_hint().exact().is_some_and(|length| length > limit) {
        return Ok(Buffered::TooLong(body));
    }
    let (mut pieces, mut length) = (VecDeque::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        length += piece.len() as u64;
        pieces.push_back(piece);
        if length > limit {
            return Ok(Buffered::TooLong(Body::boxed(Prefixed { pieces, rest: body })));
        }
    }
    if pieces.len() < 2 {
        return Ok(Buffered::Whole(pieces.pop_front().unwrap_or_default()));
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    Ok(Buffered::Whole(whole.freeze()))
}

/// A body of which the beginning was read.
struct Prefixed {
    pieces: VecDeque<Bytes>,
    rest: Body,
}

impl http_body::Body for Prefixed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}

/// The limit that a configuration means: less than zero, or nothing, is none.
pub(super) fn limit(configured: Option<i64>) -> u64 {
    configured.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures_util::stream;
    use http_body_util::StreamBody;

    fn streamed(pieces: &[&'static str], is_broken: bool) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        let error = is_broken.then(|| Err::<_, BodyError>("cut short".into()));
        Body::boxed(StreamBody::new(stream::iter(pieces.into_iter().chain(error))))
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_read_whole() {
        for (body, expected) in [
            (Body::Empty, ""),
            (Body::from("abcdef"), "abcdef"),
            (streamed(&["abc"], false), "abc"),
            (streamed(&["ab", "", "cdef"], false), "abcdef"),
        ] {
            assert!(matches!(read(body, 6).await.unwrap(), Buffered::Whole(bytes) if bytes == expected));
        }
    }

    #[tokio::test]
    async fn a_longer_body_stays_as_it_was() {
        for body in [Body::from("abcdefg"), streamed(&["abc", "defg", "h"], false)] {
            let Buffered::TooLong(body) = read(body, 6).await.unwrap() else { panic!("within the limit") };
            assert!(body.size_hint().lower() >= 7);
            assert!(body.collect().await.unwrap().to_bytes().starts_with(b"abcdefg"));
        }
        assert!(matches!(read(Body::from("a"), 0).await.unwrap(), Buffered::TooLong(_)));
    }

    #[tokio::test]
    async fn an_error_of_the_client_is_told() {
        assert!(read(streamed(&["ab"], true), 6).await.is_err());
    }

    #[test]
    fn no_limit_is_less_than_zero() {
        assert_eq!([None, Some(-1), Some(0), Some(7)].map(limit), [u64::MAX, u64::MAX, 0, 7]);
    }
}

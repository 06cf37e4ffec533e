//! A request's body that can be sent more than once.
//!
//! The bytes are kept while they are read for the first time, up to a limit. A body that exceeds it is still sent whole
//! the first time, but not again.

use crate::Body;
use crate::body::BodyError;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The source of bodies that all have the bytes of one request.
pub struct Replay(Arc<Mutex<Option<Kept>>>);

/// The bytes that were read, and the body that gives the others. It belongs to one reader at a time.
struct Kept {
    /// The part that was not read yet; empty after its end or an error.
    rest: Body,
    read: Vec<Bytes>,
    /// Sum of the lengths in `read`.
    length: u64,
    trailers: Option<HeaderMap>,
    limit: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Everything that was read so far is in `read`.
    Complete,
    /// More was read than may be kept, or reading failed: it cannot be sent again.
    Lost,
}

impl Replay {
    /// Keeps at most `limit` bytes of `body`.
    #[must_use]
    pub fn new(body: Body, limit: u64) -> Self {
        let state = State::Complete;
        let kept = Kept { rest: body, read: Vec::new(), length: 0, trailers: None, limit, state };
        Self(Arc::new(Mutex::new(Some(kept))))
    }

    /// The body from its first byte. `None` while another reader has it, or if its beginning is lost: more bytes than
    /// the limit were read, or the client's body ended in an error.
    #[must_use]
    pub fn body(&self) -> Option<Body> {
        let kept = self.0.lock().take_if(|kept| kept.state == State::Complete)?;
        if kept.length == 0 && kept.rest.is_end_stream() && kept.trailers.is_none() {
            *self.0.lock() = Some(kept);
            return Some(Body::Empty);
        }
        Some(Body::boxed(Reader { kept: Some(kept), index: 0, ended: false, owner: Arc::clone(&self.0) }))
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

/// One reading of the body. It gives the bytes back when it is dropped.
struct Reader {
    /// Present until the drop.
    kept: Option<Kept>,
    /// The next of the kept pieces.
    index: usize,
    ended: bool,
    owner: Arc<Mutex<Option<Kept>>>,
}

impl Kept {
    fn keep(&mut self, frame: &Frame<Bytes>) {
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
        let Some(data) = frame.data_ref() else { return };
        self.length += data.len() as u64;
        if self.length > self.limit {
            self.state = State::Lost;
            self.read = Vec::new();
        }
        if self.state == State::Complete {
            self.read.push(data.clone());
        }
    }
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { kept: Some(kept), index, ended, .. } = &mut *self else { return Poll::Ready(None) };
        if *ended {
            return Poll::Ready(None);
        }
        if let Some(piece) = kept.read.get(*index) {
            *index += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if !kept.rest.is_end_stream() {
            match ready!(Pin::new(&mut kept.rest).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    kept.keep(&frame);
                    *index = kept.read.len();
                    *ended = frame.is_trailers();
                    if *ended {
                        kept.rest = Body::Empty;
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => {
                    (kept.state, kept.rest, *ended) = (State::Lost, Body::Empty, true);
                    return Poll::Ready(Some(Err(error)));
                }
                None => kept.rest = Body::Empty,
            }
        }
        *ended = true;
        Poll::Ready(kept.trailers.clone().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
            || self.kept.as_ref().is_none_or(|kept| {
                self.index >= kept.read.len() && kept.rest.is_end_stream() && kept.trailers.is_none()
            })
    }

    fn size_hint(&self) -> SizeHint {
        let Some(kept) = &self.kept else { return SizeHint::with_exact(0) };
        let ahead: u64 = kept.read.iter().skip(self.index).map(|piece| piece.len() as u64).sum();
        let rest = kept.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + ahead);
        }
        hint
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        *self.owner.lock() = self.kept.take();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use proptest::prelude::*;

    /// A body of these pieces, which fails at its end if `broken`.
    fn streamed(pieces: &[&'static str], broken: bool) -> Body {
        let pieces = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        let error = broken.then(|| Err::<_, BodyError>("cut short".into()));
        Body::boxed(StreamBody::new(stream::iter(pieces.collect::<Vec<_>>().into_iter().chain(error))))
    }

    async fn all(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_body_is_sent_as_often_as_asked_for() {
        let replay = Replay::new(streamed(&["ab", "c", "def"], false), 6);
        for _ in 0..3 {
            assert_eq!(all(replay.body().unwrap()).await, "abcdef");
        }
        let known = Replay::new(Body::from("abc"), 3);
        for _ in 0..2 {
            let body = known.body().unwrap();
            assert_eq!(body.size_hint().exact(), Some(3));
            assert_eq!(all(body).await, "abc");
        }
    }

    #[tokio::test]
    async fn a_reader_that_stops_early_loses_nothing() {
        let replay = Replay::new(streamed(&["ab", "c", "def"], false), 6);
        for frames in 0..4 {
            let mut body = replay.body().unwrap();
            for _ in 0..frames {
                body.frame().await.unwrap().unwrap();
            }
            assert!(replay.body().is_none(), "one reader at a time");
        }
        assert_eq!(all(replay.body().unwrap()).await, "abcdef");
    }

    #[tokio::test]
    async fn more_than_the_limit_is_sent_once() {
        let replay = Replay::new(streamed(&["ab", "c", "def"], false), 5);
        assert_eq!(all(replay.body().unwrap()).await, "abcdef");
        assert!(replay.body().is_none());
    }

    #[tokio::test]
    async fn an_error_of_the_client_is_final() {
        let replay = Replay::new(streamed(&["ab"], true), 100);
        assert_eq!(replay.body().unwrap().collect().await.unwrap_err().to_string(), "cut short");
        assert!(replay.body().is_none());
    }

    #[tokio::test]
    async fn trailers_come_each_time() {
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
        let frames =
            [Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"ab"))), Ok(Frame::trailers(trailers.clone()))];
        let replay = Replay::new(Body::boxed(StreamBody::new(stream::iter(frames))), 100);
        for _ in 0..2 {
            let body = replay.body().unwrap().collect().await.unwrap();
            assert_eq!(body.trailers(), Some(&trailers));
            assert_eq!(body.to_bytes(), "ab");
        }
    }

    #[tokio::test]
    async fn nothing_stays_nothing() {
        let replay = Replay::new(Body::Empty, 0);
        for _ in 0..2 {
            assert!(matches!(replay.body(), Some(Body::Empty)));
        }
    }

    proptest! {
        /// However often and however far it is read: each reading is a beginning of the whole.
        #[test]
        fn every_reading_is_a_beginning(pieces in prop::collection::vec("[a-z]{0,4}", 0..6), reads in prop::collection::vec(0..7_usize, 1..6)) {
            let whole = pieces.concat();
            let frames: Vec<_> = pieces.iter().cloned().map(|piece| Ok::<_, BodyError>(Frame::data(Bytes::from(piece)))).collect();
            let replay = Replay::new(Body::boxed(StreamBody::new(stream::iter(frames))), whole.len() as u64);
            for frames in reads {
                let body = replay.body().unwrap();
                let some = futures_util::FutureExt::now_or_never(body.into_data_stream().take(frames).collect::<Vec<_>>());
                let some: Vec<u8> = some.unwrap().into_iter().flat_map(Result::unwrap).collect();
                prop_assert!(whole.as_bytes().starts_with(&some));
            }
            let rest = futures_util::FutureExt::now_or_never(replay.body().unwrap().collect()).unwrap().unwrap();
            prop_assert_eq!(rest.to_bytes(), Bytes::from(whole));
        }
    }
}

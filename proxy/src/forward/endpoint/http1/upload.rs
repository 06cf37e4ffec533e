//! Sending a request: its head, then its body.

use super::error::Http1Error;
use super::request::{self, HeadForm, Length};
use crate::forward::request_body::RequestBody;
use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use std::cell::RefCell;
use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::time::Sleep;

/// The time to wait for a response to `Expect: 100-continue` (Go's `ExpectContinueTimeout` in Traefik).
pub(in crate::forward::endpoint) const EXPECT_CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest buffer that a worker keeps for heads, in bytes.
const MAX_KEPT_BUFFER: usize = 16 * 1024;

thread_local! {
    static HEAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A request on its way.
pub(super) struct Upload {
    /// The bytes being written: our own, a chunk of the body, and our own again.
    before: Vec<u8>,
    piece: Bytes,
    after: &'static [u8],
    written: usize,
    rest: Rest,
    /// Set while the body waits for the backend's `100 Continue`; the body is sent when the time is over.
    continue_timeout: Option<Pin<Box<Sleep>>>,
    /// True if something was written.
    pub(super) begun: bool,
}

/// The part still to be taken from the body.
#[derive(Debug, Eq, PartialEq)]
enum Rest {
    Bytes(u64),
    Chunks,
    Nothing,
    /// Nothing; everything was flushed.
    Over,
}

impl Upload {
    /// An upload of `request`, of which nothing was sent. If `asking`, its body waits for the backend's `100 Continue`.
    pub(super) fn new(request: &Request<RequestBody>, form: HeadForm<'_>, asking: bool) -> Self {
        let mut before = HEAD.take();
        let rest = match request::write(request, form, &mut before) {
            Length::Known(0) => Rest::Nothing,
            Length::Known(length) => Rest::Bytes(length),
            Length::Unknown => Rest::Chunks,
        };
        let continue_timeout = asking.then(|| Box::pin(tokio::time::sleep(EXPECT_CONTINUE_TIMEOUT)));
        Self { before, piece: Bytes::new(), after: b"", written: 0, rest, continue_timeout, begun: false }
    }

    /// True if all was sent.
    pub(super) fn is_over(&self) -> bool {
        self.rest == Rest::Over
    }

    /// Called when the backend wants the body.
    pub(super) fn open(&mut self) {
        self.continue_timeout = None;
    }

    /// True if the backend has responded without asking for the body: it does not want it.
    pub(super) fn is_unwanted(&self) -> bool {
        self.continue_timeout.is_some()
    }

    /// Gives unsent chunks back to `body`.
    pub(super) fn put_back(&mut self, body: &mut RequestBody) {
        let piece = std::mem::take(&mut self.piece);
        if !piece.is_empty() {
            body.put_back(piece);
        }
    }

    /// Writes as much as possible, and is ready when everything was written.
    ///
    /// # Errors
    /// [`Http1Error::Body`] if the body fails, [`Http1Error::Io`] if `io` does.
    pub(super) fn poll(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        body: &mut RequestBody,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Http1Error>> {
        let takes = matches!(self.rest, Rest::Bytes(_) | Rest::Chunks) && self.piece.is_empty();
        if !self.begun && takes && self.continue_timeout.is_none() {
            // Head and body in one write, if a part of the body is there.
            let _ = self.poll_take(body, cx)?;
        }
        loop {
            while self.written < self.before.len() + self.piece.len() + self.after.len() {
                match ready!(self.poll_write(io, cx))? {
                    0 => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                    count => self.written += count,
                }
                self.begun = true;
            }
            self.before.clear();
            self.piece.clear();
            self.after = b"";
            self.written = 0;
            if matches!(self.rest, Rest::Nothing | Rest::Over) {
                self.return_buffer();
                ready!(Pin::new(io).poll_flush(cx))?;
                self.rest = Rest::Over;
                return Poll::Ready(Ok(()));
            }
            let more = match &mut self.continue_timeout {
                None => self.poll_take(body, cx)?,
                Some(continue_timeout) => continue_timeout.as_mut().poll(cx),
            };
            if more.is_pending() {
                // The result is ignored, as it is flushed again later.
                let _ = Pin::new(&mut *io).poll_flush(cx)?;
                return Poll::Pending;
            }
            self.open();
        }
    }

    fn poll_write(&self, io: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut skipped = self.written;
        let mut rest = |part| {
            let part: &[u8] = part;
            let rest = part.get(skipped..).unwrap_or_default();
            skipped = skipped.saturating_sub(part.len());
            rest
        };
        let parts = [rest(&self.before), rest(&self.piece), rest(self.after)];
        match parts {
            [one, [], []] | [[], one, []] | [[], [], one] => Pin::new(io).poll_write(cx, one),
            parts => Pin::new(io).poll_write_vectored(cx, &parts.map(IoSlice::new)),
        }
    }

    /// Takes a chunk from the body.
    fn poll_take(&mut self, body: &mut RequestBody, cx: &mut Context<'_>) -> Poll<Result<(), Http1Error>> {
        let piece = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(frame) => frame.map_err(Http1Error::Body)?.into_data().unwrap_or_default(),
            None => return Poll::Ready(self.end()),
        };
        match &mut self.rest {
            Rest::Bytes(left) => {
                self.piece = piece;
                self.piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= self.piece.len() as u64;
                if *left == 0 {
                    self.rest = Rest::Nothing;
                }
            }
            Rest::Chunks if !piece.is_empty() => {
                let _ = write!(self.before, "{:x}\r\n", piece.len());
                self.piece = piece;
                self.after = b"\r\n";
                if body.is_empty() {
                    self.after = b"\r\n0\r\n\r\n";
                    self.rest = Rest::Nothing;
                }
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the buffer for the next request of this worker.
    fn return_buffer(&mut self) {
        let mut before = std::mem::take(&mut self.before);
        if (1..=MAX_KEPT_BUFFER).contains(&before.capacity()) {
            before.clear();
            HEAD.set(before);
        }
    }

    fn end(&mut self) -> Result<(), Http1Error> {
        match self.rest {
            Rest::Bytes(_) => {
                let short = io::Error::new(io::ErrorKind::UnexpectedEof, "the body is shorter than announced");
                return Err(Http1Error::Body(short.into()));
            }
            Rest::Chunks => self.after = b"0\r\n\r\n",
            Rest::Nothing | Rest::Over => {}
        }
        self.rest = Rest::Nothing;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.return_buffer();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use flow_middleware::Body;
    use flow_middleware::body::BodyError;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::task::Waker;

    /// A writer that takes at most so many bytes a write, and nothing at every second attempt.
    struct Busy {
        taken: Vec<u8>,
        room: usize,
        busy: bool,
    }

    impl AsyncWrite for Busy {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.busy = !self.busy;
            if self.busy {
                return Poll::Pending;
            }
            let count = bytes.len().min(self.room);
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn request(length: Option<&str>) -> Request<RequestBody> {
        let pieces =
            ["one", "two", "three"].map(|piece| Ok::<_, BodyError>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        let body = Body::boxed(StreamBody::new(futures_util::stream::iter(pieces)));
        let mut request = Request::post("/").body(RequestBody::new(body)).unwrap();
        if let Some(length) = length {
            request.headers_mut().insert("content-length", length.parse().unwrap());
        }
        request
    }

    #[test]
    fn a_connection_that_takes_little_gets_all_of_it_once() {
        let cx = &mut Context::from_waker(Waker::noop());
        let chunked = "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n";
        for (length, expected) in [(None, chunked), (Some("11"), "Content-Length: 11\r\n\r\nonetwothree")] {
            for room in [1, 7, 1000] {
                let (mut request, mut io) = (request(length), Busy { taken: Vec::new(), room, busy: false });
                let mut upload = Upload::new(&request, HeadForm::default(), false);
                while upload.poll(&mut io, request.body_mut(), cx).is_pending() {}
                let text = String::from_utf8(io.taken).unwrap();
                assert_eq!(text, format!("POST / HTTP/1.1\r\n{expected}"), "{room} bytes at a time");
            }
        }
    }

    #[tokio::test]
    async fn what_was_not_sent_is_there_for_another_connection() {
        let cx = &mut Context::from_waker(Waker::noop());
        for (asking, looked_ahead) in [(false, false), (false, true), (true, true)] {
            let (mut request, mut io) = (request(None), Busy { taken: Vec::new(), room: 1000, busy: false });
            if looked_ahead {
                request.body_mut().peek().await.unwrap();
            }
            let mut upload = Upload::new(&request, HeadForm::default(), asking);
            assert!(upload.poll(&mut io, request.body_mut(), cx).is_pending() && !upload.begun);
            upload.put_back(request.body_mut());
            let mut again = Upload::new(&request, HeadForm::default(), false);
            while again.poll(&mut io, request.body_mut(), cx).is_pending() {}
            let text = String::from_utf8(io.taken).unwrap();
            assert!(text.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"), "{text}");
        }
    }
}

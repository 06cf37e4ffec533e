use super::activity::ConnectionActivity;
use super::fields::{Fields, TooMany};
use super::interim_writer::InterimWriter;
use super::scanner::{Escaped, RequestScanner, Scanned};
use crate::listener::{ClientStream, OpenConnection};
use bytes::Bytes;
use flow_middleware::InterimQueue;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes that hyper reads instead of a refused request: neither a head nor a chunk's frame holds a CR before a NUL, so
/// hyper responds with 400 and closes.
const INVALID_HEAD: &[u8] = b"\r\0\r\n\r\n";
/// The time for which a client that still sends is read after the last response. Closing at once would make the kernel
/// reset the connection, and the response might get lost (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_millis(500);

/// No field of HTTP/2 has this index, so h2 ends the connection (RFC 7541 section 6.1).
const NO_FIELD: u8 = 0x80;
/// Longer frames end the connection by themselves.
const MAX_FRAME: usize = 16 * 1024;

/// The scanner of a connection's heads, which reads them before hyper does.
#[derive(Debug)]
pub(super) enum Heads {
    /// HTTP/1.
    Http1(RequestScanner),
    /// HTTP/2.
    Http2(Fields),
}

/// A client's connection below hyper: it records activity, scans heads and counts as open until it is dropped.
#[derive(Debug)]
pub(super) struct ServerIo<S> {
    io: S,
    activity: Arc<ConnectionActivity>,
    heads: Heads,
    interim_writer: Option<InterimWriter>,
    /// Replacement bytes that hyper has still to read.
    escaped: Bytes,
    /// Bytes that are not scanned before the response to the previous request is known.
    waiting: Vec<u8>,
    /// Invalid bytes that hyper has still to read.
    invalid: Option<Bytes>,
    ended: bool,
    linger: Option<Pin<Box<Sleep>>>,
    _open: OpenConnection,
}

impl<S> ServerIo<S> {
    pub(super) fn new(
        io: S,
        heads: Heads,
        activity: Arc<ConnectionActivity>,
        interim: Option<Arc<InterimQueue>>,
        open: OpenConnection,
    ) -> Self {
        let interim_writer = interim.map(InterimWriter::new);
        Self {
            io,
            activity,
            heads,
            interim_writer,
            escaped: Bytes::new(),
            waiting: Vec::new(),
            invalid: None,
            ended: false,
            linger: None,
            _open: open,
        }
    }

    fn give_escaped(&mut self, buf: &mut ReadBuf<'_>) {
        let now = self.escaped.split_to(self.escaped.len().min(buf.remaining()));
        buf.put_slice(&now);
    }

    /// Scans the waiting bytes once their meaning is known.
    fn give_waiting(&mut self, cx: &Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Heads::Http1(scanner) = &mut self.heads else { return Poll::Ready(Ok(())) };
        if !scanner.can_resume(&self.activity) {
            return self.wait(cx);
        }
        let mut bytes = std::mem::take(&mut self.waiting);
        match scanner.scan(&bytes, &self.activity) {
            Ok(Scanned { escaped, waits }) => {
                if let Some(at) = waits {
                    self.waiting = bytes.split_off(at);
                }
                if let Some(Escaped { at, rest }) = escaped {
                    bytes.truncate(at);
                    bytes.extend(rest);
                }
            }
            Err(refused) => {
                bytes.truncate(refused.at);
                self.invalid = Some(Bytes::from_static(INVALID_HEAD));
            }
        }
        self.escaped = bytes.into();
        self.give_escaped(buf);
        self.give_invalid(buf);
        Poll::Ready(Ok(()))
    }

    fn wait(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.activity.wake_with_response(cx.waker());
        self.activity.read(false);
        Poll::Pending
    }

    fn give_invalid(&mut self, buf: &mut ReadBuf<'_>) {
        if let Some(invalid) = &mut self.invalid {
            let now = invalid.split_to(invalid.len().min(buf.remaining()));
            buf.put_slice(&now);
        }
    }
}

impl<S: AsyncWrite + Unpin> ServerIo<S> {
    fn before_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(interim_writer) = &mut self.interim_writer else { return Poll::Ready(Ok(())) };
        let before = interim_writer.poll_before_write(&mut self.io, cx);
        if before.is_pending() {
            self.activity.wrote(false);
        }
        before
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ServerIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.escaped.is_empty() {
            this.give_escaped(buf);
            return Poll::Ready(Ok(()));
        }
        if this.invalid.is_some() {
            this.give_invalid(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.waiting.is_empty() {
            return this.give_waiting(cx, buf);
        }
        let before = buf.filled().len();
        let Poll::Ready(result) = Pin::new(&mut this.io).poll_read(cx, buf) else {
            this.activity.read(false);
            return Poll::Pending;
        };
        result?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        this.ended |= bytes.is_empty();
        this.activity.read(true);
        let ended = bytes.is_empty();
        let scanner = match &mut this.heads {
            Heads::Http1(scanner) => scanner,
            Heads::Http2(fields) => {
                if let Err(TooMany { at, left }) = fields.scan(bytes) {
                    buf.set_filled(before + at);
                    this.invalid = Some(vec![NO_FIELD; left.min(MAX_FRAME)].into());
                    this.give_invalid(buf);
                }
                return Poll::Ready(Ok(()));
            }
        };
        match scanner.scan(bytes, &this.activity) {
            Ok(Scanned { escaped, waits }) => {
                if let Some(at) = waits {
                    this.waiting = bytes.get(at..).unwrap_or_default().to_vec();
                    buf.set_filled(before + at);
                }
                if let Some(Escaped { at, rest }) = escaped {
                    buf.set_filled(before + at);
                    this.escaped = rest.into();
                    this.give_escaped(buf);
                }
            }
            Err(refused) => {
                buf.set_filled(before + refused.at);
                this.invalid = Some(Bytes::from_static(INVALID_HEAD));
                this.give_invalid(buf);
            }
        }
        if buf.filled().len() == before && !ended { this.wait(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl<S: ClientStream> AsyncWrite for ServerIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.before_write(cx))?;
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.activity.wrote(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.before_write(cx))?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.activity.wrote(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(interim_writer) = &mut this.interim_writer {
            ready!(interim_writer.poll_at_flush(&mut this.io, cx))?;
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    /// Ends our side, then reads on for a moment if the client may still be sending a request.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            this.io.expect_shutdown();
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let receiving = this.invalid.is_some() || !this.waiting.is_empty() || this.activity.is_receiving();
            if this.ended || !receiving || this.activity.is_upgraded() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

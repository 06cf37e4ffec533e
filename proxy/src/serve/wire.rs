use super::early::Early;
use super::guard::{Escaped, Guard};
use super::pulse::Pulse;
use crate::listener::{ClientStream, OpenConnection};
use bytes::Bytes;
use flow_middleware::Interim;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What hyper reads instead of a refused head: no head holds a NUL, so it answers 400 and closes.
const POISON: &[u8] = b"\0\r\n\r\n";
/// How long a client that still sends is listened to after the last answer. Closing at once would make the kernel
/// reset the connection, and the answer might never be seen (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_millis(500);

/// A client's connection below hyper: it records progress, guards heads and counts as open until it is dropped.
#[derive(Debug)]
pub(super) struct Wire<S> {
    io: S,
    pulse: Arc<Pulse>,
    guard: Guard,
    early: Option<Early>,
    /// What hyper has still to read in place of what came.
    escaped: Bytes,
    /// Bytes of the poison that hyper still has to read.
    poison: Option<&'static [u8]>,
    ended: bool,
    linger: Option<Pin<Box<Sleep>>>,
    _open: OpenConnection,
}

impl<S> Wire<S> {
    pub(super) fn new(
        io: S,
        guard: Guard,
        pulse: Arc<Pulse>,
        interim: Option<Arc<Interim>>,
        open: OpenConnection,
    ) -> Self {
        let early = interim.map(Early::new);
        Self { io, pulse, guard, early, escaped: Bytes::new(), poison: None, ended: false, linger: None, _open: open }
    }

    fn give_escaped(&mut self, buf: &mut ReadBuf<'_>) {
        let now = self.escaped.split_to(self.escaped.len().min(buf.remaining()));
        buf.put_slice(&now);
    }

    fn give_poison(&mut self, buf: &mut ReadBuf<'_>) {
        if let Some(poison) = &mut self.poison {
            let (now, later) = poison.split_at(poison.len().min(buf.remaining()));
            buf.put_slice(now);
            *poison = later;
        }
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn before_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(early) = &mut self.early else { return Poll::Ready(Ok(())) };
        let before = early.poll_before_write(&mut self.io, cx);
        if before.is_pending() {
            self.pulse.wrote(false);
        }
        before
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.poison.is_some() {
            this.give_poison(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.escaped.is_empty() {
            this.give_escaped(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let Poll::Ready(result) = Pin::new(&mut this.io).poll_read(cx, buf) else {
            this.pulse.read(false);
            return Poll::Pending;
        };
        result?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        this.ended |= bytes.is_empty();
        this.pulse.read(true);
        match this.guard.see(bytes, &this.pulse) {
            Ok(None) => {}
            Ok(Some(Escaped { at, rest })) => {
                buf.set_filled(before + at);
                this.escaped = rest.into();
                this.give_escaped(buf);
            }
            Err(refused) => {
                buf.set_filled(before + refused.at);
                this.poison = Some(POISON);
                this.give_poison(buf);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: ClientStream> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.before_write(cx))?;
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.pulse.wrote(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.before_write(cx))?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.pulse.wrote(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(early) = &mut this.early {
            ready!(early.poll_at_flush(&mut this.io, cx))?;
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    /// Ends our side, then reads on for a moment where the client may still be sending a request.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            this.io.end_follows();
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let receiving = this.poison.is_some() || this.pulse.is_receiving();
            if this.ended || !receiving || this.pulse.is_upgraded() {
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

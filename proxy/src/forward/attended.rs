//! A backend's connection that is read only where something can have come.

use super::bell::Bell;
use super::stream::Stream;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream and the bell that rings when it becomes readable. hyper tries to read several times for each request; most
/// attempts are answered by the bell.
#[derive(Debug)]
pub(super) struct Attended {
    stream: Stream,
    bell: Arc<Bell>,
}

impl Attended {
    pub(super) fn new(stream: Stream, bell: Arc<Bell>) -> Self {
        Self { stream, bell }
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }
}

impl AsyncRead for Attended {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, bell } = self.get_mut();
        if !bell.polls(cx) {
            // A task of its own polls it now.
            return Pin::new(stream).poll_read(cx, buf);
        }
        if bell.is_dry() {
            return Poll::Pending;
        }
        bell.read(|| Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Attended {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

use crate::gather;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Room for the first bytes of a connection: a ClientHello or a request's head, mostly.
const FIRST_READ: usize = 2048;

/// A client's TCP connection whose first bytes may be looked at before somebody reads them.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    ahead: Vec<u8>,
    read: usize,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, ahead: Vec::new(), read: 0 }
    }

    /// The bytes that have come in and are still to be read.
    pub(crate) fn ahead(&self) -> &[u8] {
        self.ahead.get(self.read..).unwrap_or_default()
    }

    /// Takes in more bytes; `false` at the end of the stream.
    pub(crate) async fn look_further(&mut self) -> io::Result<bool> {
        self.ahead.reserve(FIRST_READ);
        Ok(self.tcp.read_buf(&mut self.ahead).await? > 0)
    }

    /// Drops the first `count` bytes of those ahead.
    pub(crate) fn skip(&mut self, count: usize) {
        self.read = self.ahead.len().min(self.read + count);
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let ahead = self.ahead();
        if ahead.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let count = ahead.len().min(buf.remaining());
        buf.put_slice(&ahead[..count]);
        self.read += count;
        if self.read == self.ahead.len() {
            self.ahead = Vec::new();
            self.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        gather::poll_write(&mut self.tcp, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

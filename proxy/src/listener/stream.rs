use crate::small_write;
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Buffer for the first bytes of a connection: mostly a ClientHello or a request's head.
const FIRST_READ: usize = 2048;

/// A client's TCP connection whose first bytes can be peeked before they are read.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    peeked: Vec<u8>,
    read: usize,
    ending: bool,
}

/// A client's connection below HTTP.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Announces that the next write is the last one, to be sent together with the end of the stream.
    fn expect_shutdown(&mut self);
}

impl ClientStream for Stream {
    fn expect_shutdown(&mut self) {
        self.ending = true;
    }
}

impl ClientStream for Box<TlsStream<Stream>> {
    fn expect_shutdown(&mut self) {
        self.get_mut().0.expect_shutdown();
    }
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, peeked: Vec::new(), read: 0, ending: false }
    }

    /// The bytes that have been received but not read yet.
    pub(crate) fn peeked(&self) -> &[u8] {
        self.peeked.get(self.read..).unwrap_or_default()
    }

    /// Receives more bytes; `false` at the end of the stream.
    pub(crate) async fn peek_more(&mut self) -> io::Result<bool> {
        self.peeked.reserve(FIRST_READ);
        Ok(self.tcp.read_buf(&mut self.peeked).await? > 0)
    }

    /// Drops the first `count` of the received bytes.
    pub(crate) fn skip(&mut self, count: usize) {
        self.read = self.peeked.len().min(self.read + count);
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let peeked = self.peeked();
        if peeked.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let count = peeked.len().min(buf.remaining());
        buf.put_slice(&peeked[..count]);
        self.read += count;
        if self.read == self.peeked.len() {
            self.peeked = Vec::new();
            self.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
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
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.ending {
            return small_write::poll_write(&mut self.tcp, cx, parts);
        }
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            let send = || SockRef::from(&self.tcp).send_vectored_with_flags(parts, libc::MSG_MORE | libc::MSG_NOSIGNAL);
            match self.tcp.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

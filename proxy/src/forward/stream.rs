//! The bytes of a connection to a backend, plain or over TLS.

use crate::gather;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to a backend.
#[derive(Debug)]
pub(super) enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP; boxed, as its state is large and most backends speak plain.
    Tls(Box<TlsStream<TcpStream>>),
    /// Either, for a request that asks for an upgrade.
    Upgrading(Box<Upgrading>),
}

/// A stream whose first write, which is the head of a request, spells WebSocket headers as the RFC does: some servers
/// know no other spelling (so Traefik does it too), and hyper's own is `Sec-Websocket-Key`.
#[derive(Debug)]
pub(super) struct Upgrading {
    stream: Stream,
    begun: bool,
}

impl Stream {
    /// The same stream for a request that asks for an upgrade.
    pub(super) fn upgrading(self) -> Self {
        Self::Upgrading(Box::new(Upgrading { stream: self, begun: false }))
    }
}

impl Upgrading {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = if self.begun {
            ready!(Pin::new(&mut self.stream).poll_write(cx, buf))
        } else {
            ready!(Pin::new(&mut self.stream).poll_write(cx, &spelled(buf)))
        };
        self.begun = true;
        Poll::Ready(written)
    }
}

fn spelled(text: &[u8]) -> Vec<u8> {
    let mut spelled = text.to_vec();
    let head = memchr::memmem::find(text, b"\r\n\r\n").unwrap_or(text.len());
    for at in memchr::memmem::find_iter(&text[..head], b"\nSec-Websocket-") {
        spelled[at + b"\nSec-Web".len()] = b'S';
    }
    spelled
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::Upgrading(upgrading) => Pin::new(&mut upgrading.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Self::Upgrading(upgrading) => upgrading.poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => gather::poll_write(tcp, cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
            Self::Upgrading(upgrading) => {
                let first = bufs.iter().find(|buf| !buf.is_empty());
                upgrading.poll_write(cx, first.map_or(&[], |buf| &**buf))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
            // The head has to come in one piece.
            Self::Upgrading(_) => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Self::Upgrading(upgrading) => Pin::new(&mut upgrading.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Upgrading(upgrading) => Pin::new(&mut upgrading.stream).poll_shutdown(cx),
        }
    }
}

//! Upgraded connections: bytes in both directions until one side ends.

use super::stream::Stream;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Buffer for each direction of a tunnel, in bytes.
const BUFFER: usize = 16 * 1024;

/// All open upgraded connections of the process. They outlive every configuration; only [`Tunnels::close`] ends them.
#[derive(Clone, Debug, Default)]
pub struct Tunnels(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    open: AtomicUsize,
    closing: CancellationToken,
}

impl Tunnels {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of open ones.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Ends all of them, including those that begin later.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    /// Joins a client, once it has switched, and a backend that has already done so.
    pub(super) fn join(&self, client: OnUpgrade, mut backend: Stream, already_read: Bytes) -> Arc<Tunnel> {
        let tunnel = Arc::new(Tunnel::default());
        let open = Open { shared: Arc::clone(&self.0), tunnel: Arc::clone(&tunnel) };
        self.0.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let tunnel = &open.tunnel;
            let splice = async {
                let mut client = Counted { io: TokioIo::new(client.await.map_err(io::Error::other)?), tunnel };
                client.write_all(&already_read).await?;
                drop(already_read);
                tokio::io::copy_bidirectional_with_sizes(&mut client, &mut backend, BUFFER, BUFFER).await
            };
            tokio::select! {
                ended = splice => if let Err(error) = ended {
                    tracing::debug!(%error, "an upgraded connection broke off");
                },
                () = open.shared.closing.cancelled() => {}
            }
        });
        tunnel
    }
}

/// One upgraded connection: its byte counts, and values to drop at its end.
#[derive(Default)]
pub struct Tunnel {
    from_client: AtomicU64,
    to_client: AtomicU64,
    end: Mutex<End>,
}

/// The values that are dropped when a tunnel ends.
#[derive(Default)]
struct End {
    kept: Vec<Box<dyn Send>>,
    /// True if it has ended.
    is_past: bool,
}

impl Tunnel {
    /// Bytes from the client.
    #[must_use]
    pub fn from_client(&self) -> u64 {
        self.from_client.load(Ordering::Relaxed)
    }

    /// Bytes to the client.
    #[must_use]
    pub fn to_client(&self) -> u64 {
        self.to_client.load(Ordering::Relaxed)
    }

    /// Keeps `kept` until the tunnel ends, and drops it then.
    pub(crate) fn keep<T: Send + 'static>(&self, kept: Box<T>) {
        let mut end = self.end.lock();
        if !end.is_past {
            end.kept.push(kept);
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_client(), self.to_client());
        f.debug_struct("Tunnel").field("from_client", &from).field("to_client", &to).finish_non_exhaustive()
    }
}

/// Counts the bytes between a client and its tunnel.
struct Counted<'a, S> {
    io: S,
    tunnel: &'a Tunnel,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<'_, S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.tunnel.from_client.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> Counted<'_, S> {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.tunnel.to_client.fetch_add(*count as u64, Ordering::Relaxed);
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// One of the open tunnels; dropping it ends the tunnel.
struct Open {
    shared: Arc<Shared>,
    tunnel: Arc<Tunnel>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let kept = {
            let mut end = self.tunnel.end.lock();
            end.is_past = true;
            std::mem::take(&mut end.kept)
        };
        // Dropped before the tunnel counts as closed.
        drop(kept);
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
    }
}

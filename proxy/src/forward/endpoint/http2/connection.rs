//! A shared connection, and the right to open a stream on it.

use super::super::Endpoint;
use super::super::http1::MAX_HEAD_LENGTH;
use super::keep_alive::KeepAlive;
use crate::forward::connect_error::ConnectError;
use crate::forward::stream;
use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::InspectReader;

/// Flow control windows as announced by Go's transport: the 64 KiB of the RFC would slow down gRPC and downloads.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;
/// Maximum number of bytes that wait to be sent on one stream.
const MAX_SEND_BUFFER: usize = 1 << 20;
/// The streams that a backend is taken to allow until it says so: the least that RFC 9113 recommends.
const INITIAL_STREAMS: usize = 100;

/// Start of the clock for idle times.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A shared connection; it closes when it and all its streams are dropped.
pub(in crate::forward) struct Http2 {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

/// The streams that a connection carries.
#[derive(Debug)]
pub(super) struct Load {
    streams: AtomicUsize,
    /// The time when the last stream ended, in milliseconds since [`EPOCH`].
    ended: AtomicU64,
}

impl Load {
    /// True if it carries no stream.
    pub(super) fn is_idle(&self) -> bool {
        self.streams.load(Ordering::Relaxed) == 0
    }
}

/// The right to open one stream, and then the stream: it counts while it lives.
pub(in crate::forward) struct Stream {
    pub(super) sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.load.ended.store(now(), Ordering::Relaxed);
        self.load.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Http2 {
    /// Begins HTTP/2 on `stream`.
    pub(in crate::forward) async fn begin(stream: stream::Stream, endpoint: &Endpoint) -> Result<Self, ConnectError> {
        let transport = endpoint.transport();
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        let stream = InspectReader::new(stream, move |_: &[u8]| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(INITIAL_STREAMS)
            .max_header_list_size(u32::try_from(MAX_HEAD_LENGTH).unwrap_or(u32::MAX))
            .max_send_buffer_size(MAX_SEND_BUFFER)
            .enable_push(false)
            .handshake(stream)
            .await
            .map_err(ConnectError::Preface)?;
        let load = Arc::new(Load { streams: AtomicUsize::new(0), ended: AtomicU64::new(now()) });
        let keep_alive = transport.read_idle.zip(connection.ping_pong());
        let keep_alive =
            keep_alive.map(|(silence, pings)| KeepAlive::new(pings, silence, transport.ping, reads, Arc::clone(&load)));
        tokio::spawn(drive(connection, keep_alive));
        Ok(Self { sender, load })
    }

    /// The right to open a stream.
    pub(in crate::forward) fn open(&self) -> Stream {
        self.load.streams.fetch_add(1, Ordering::Relaxed);
        Stream { sender: self.sender.clone(), load: Arc::clone(&self.load) }
    }

    /// The right to open a stream, if the backend allows one more.
    pub(in crate::forward) fn reserve(&self) -> Option<Stream> {
        (self.load.streams.load(Ordering::Relaxed) < self.sender.current_max_send_streams()).then(|| self.open())
    }

    /// True if it takes no more requests.
    pub(in crate::forward) fn is_closed(&mut self) -> bool {
        // It never waits: this sender opens no streams itself, its clones do.
        matches!(self.sender.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_)))
    }

    /// The time for which it has carried no stream.
    pub(in crate::forward) fn idle_for(&self) -> Option<Duration> {
        let idle = || Duration::from_millis(now().saturating_sub(self.load.ended.load(Ordering::Relaxed)));
        self.load.is_idle().then(idle)
    }
}

impl std::fmt::Debug for Http2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http2").field("load", &self.load).finish_non_exhaustive()
    }
}

/// Drives a connection to its end.
async fn drive<S>(mut connection: Connection<S, Bytes>, mut keep_alive: Option<KeepAlive>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = poll_fn(|cx| {
        if let Some(keep_alive) = &mut keep_alive
            && keep_alive.poll(cx).is_ready()
        {
            tracing::debug!("a backend does not answer on its HTTP/2 connection");
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut connection).poll(cx)
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a backend's HTTP/2 connection ended");
    }
}

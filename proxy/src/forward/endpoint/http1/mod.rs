//! HTTP/1.1 towards a backend: the request that uses a connection reads and writes it itself.
//!
//! There is no task and no channel between a request and its connection: while a request waits for the head of its
//! response, it polls the connection; then the response's body reads on. Only if a response comes before the request's
//! body was sent, a task of its own goes on sending, so that both directions are independent.

mod decoder;
mod error;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod request;
mod response;
mod response_body;
mod upload;

pub use error::Http1Error;
pub(in crate::forward::endpoint) use exchange::MAX_INTERIM;
pub(in crate::forward) use exchange::{ExchangeError, Http1Response, is_replayable};
pub(in crate::forward) use request::{AbsoluteForm, HeadForm};
pub(in crate::forward) use response::{MAX_HEAD_LENGTH, MAX_HEADERS};
pub(in crate::forward::endpoint) use upload::EXPECT_CONTINUE_TIMEOUT;

use super::Endpoint;
use crate::forward::pinned::PinnedConnections;
use crate::forward::stream::Stream;
use bytes::BytesMut;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf, ReadHalf, WriteHalf};
use tokio_util::task::AbortOnDropHandle;

/// The time for the rest of a request's body after the response has ended, before the connection is closed
/// (Go's `maxWriteWaitBeforeConnReuse`).
const UPLOAD_REST_TIMEOUT: Duration = Duration::from_millis(50);
/// Size of the first read, in bytes; it grows while reads fill it.
const MIN_READ: usize = 8 * 1024;
const MAX_READ: usize = 256 * 1024;

/// A connection to a backend that speaks HTTP/1.1.
pub(in crate::forward) struct Http1 {
    stream: Channel,
    read: BytesMut,
    /// Size of the next read, in bytes.
    room: usize,
    /// True if it has carried a request before.
    pub(in crate::forward) reused: bool,
    /// True if it can carry another request after this one.
    keep: bool,
    /// The client whose connection it belongs to, if it is not for everybody.
    owner: Option<Weak<PinnedConnections>>,
}

/// The two directions of a connection.
enum Channel {
    Whole(Stream),
    /// A task writes.
    Split(ReadHalf<Stream>, Writer),
    Gone,
}

/// Sends the rest of a request's body.
type Writer = AbortOnDropHandle<(WriteHalf<Stream>, Result<(), Http1Error>)>;

impl Http1 {
    /// Begins HTTP/1.1 on `stream`.
    pub(in crate::forward) fn new(stream: Stream) -> Box<Self> {
        Box::new(Self {
            stream: Channel::Whole(stream),
            read: BytesMut::new(),
            room: MIN_READ,
            reused: false,
            keep: true,
            owner: None,
        })
    }

    /// True if the connection can take a request, as far as is known here: the backend has neither closed it nor sent
    /// anything unexpected.
    pub(in crate::forward) fn is_alive(&mut self) -> bool {
        match &mut self.stream {
            // Asks the kernel only if the reactor has seen an event.
            Channel::Whole(Stream::Plain(tcp)) => {
                tcp.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Channel::Whole(stream) => {
                let mut byte = [0];
                let cx = &mut Context::from_waker(Waker::noop());
                Pin::new(stream).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending()
            }
            Channel::Split(..) | Channel::Gone => false,
        }
    }

    /// Reads available bytes; 0 at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.read.reserve(self.room);
        let read = match &mut self.stream {
            Channel::Whole(stream) => tokio_util::io::poll_read_buf(Pin::new(stream), cx, &mut self.read),
            Channel::Split(half, _) => tokio_util::io::poll_read_buf(Pin::new(half), cx, &mut self.read),
            Channel::Gone => Poll::Ready(Ok(0)),
        };
        if let Poll::Ready(Ok(count)) = &read
            && *count >= self.room
        {
            self.room = (self.room * 2).min(MAX_READ);
        }
        read
    }

    /// Checks the task that writes: once it has ended, the connection is whole again.
    ///
    /// # Errors
    /// `Body` if the request's body has failed.
    fn poll_writer(&mut self, cx: &mut Context<'_>) -> Result<(), Http1Error> {
        let Channel::Split(_, writer) = &mut self.stream else { return Ok(()) };
        let Poll::Ready(written) = Pin::new(writer).poll(cx) else { return Ok(()) };
        let Channel::Split(half, _) = std::mem::replace(&mut self.stream, Channel::Gone) else { return Ok(()) };
        // The task is not aborted, and does not panic.
        let (other_half, result) = written.map_err(|_| Http1Error::CutShort)?;
        self.stream = Channel::Whole(half.unsplit(other_half));
        if result.is_err() {
            self.keep = false;
        }
        match result {
            // The response may have come all the same.
            Ok(()) | Err(Http1Error::Io(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Keeps the connection for the next request if it can take one.
    fn release(mut self: Box<Self>, endpoint: &Arc<Endpoint>) {
        if !self.keep || !self.read.is_empty() {
            return;
        }
        self.reused = true;
        if self.room > MIN_READ {
            self.room = MIN_READ;
            self.read = BytesMut::new();
        }
        match std::mem::replace(&mut self.stream, Channel::Gone) {
            Channel::Split(half, writer) => {
                let endpoint = Arc::clone(endpoint);
                tokio::spawn(async move {
                    if let Ok(Ok((other_half, Ok(())))) = tokio::time::timeout(UPLOAD_REST_TIMEOUT, writer).await {
                        self.stream = Channel::Whole(half.unsplit(other_half));
                        self.wait(&endpoint);
                    }
                });
            }
            whole => {
                self.stream = whole;
                self.wait(endpoint);
            }
        }
    }

    /// Waits for the next request, of everybody or of its owner. It ends here if its owner is gone.
    fn wait(self: Box<Self>, endpoint: &Arc<Endpoint>) {
        match &self.owner {
            None => endpoint.keep(self),
            Some(owner) => {
                if let Some(owner) = owner.upgrade() {
                    owner.keep(endpoint, self);
                }
            }
        }
    }
}

impl fmt::Debug for Http1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").field("reused", &self.reused).finish_non_exhaustive()
    }
}

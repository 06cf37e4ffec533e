//! Writes the frames of several HTTP/2 streams at once.
//!
//! h2 flushes after every DATA frame that is not small. Over TLS that is a record and a system call each, although
//! other streams are ready to be written too. Here frames are collected until the connection's task is polled again,
//! which happens after all tasks that are ready now.

use super::activity::ConnectionActivity;
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Upper bound of collected bytes; one write beyond it is still taken.
const MAX_COLLECTED: usize = 64 * 1024;
/// The number of empty buffers that a thread keeps for connections that collect next.
const MAX_SPARE_BUFFERS: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A connection that collects writes while several requests are in flight.
#[derive(Debug)]
pub(super) struct WriteCoalescer<S> {
    io: S,
    activity: Arc<ConnectionActivity>,
    /// Has no capacity while it is empty: an idle connection holds no buffer.
    collected: Vec<u8>,
    /// The number of bytes of it that were written.
    written: usize,
    /// True if it is to be written at the next poll.
    flush_pending: bool,
}

impl<S> WriteCoalescer<S> {
    pub(super) fn new(io: S, activity: Arc<ConnectionActivity>) -> Self {
        Self { io, activity, collected: Vec::new(), written: 0, flush_pending: false }
    }

    /// True if more may be written before the next poll: by a stream that is open, or by one that was open with others
    /// when the batch began.
    fn expects_more(&self) -> bool {
        self.activity.is_busy() || self.activity.had_concurrent()
    }

    /// True if writes pass straight through: the end of the only stream need not wait.
    fn passes(&self) -> bool {
        self.collected.is_empty() && !self.expects_more()
    }

    fn collect(&mut self, bytes: &[u8]) {
        if self.collected.capacity() == 0 {
            self.collected = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.collected.extend_from_slice(bytes);
    }

    fn give_back(&mut self) {
        let mut buffer = std::mem::take(&mut self.collected);
        buffer.clear();
        BUFFERS.with_borrow_mut(|spare| {
            if buffer.capacity() > 0 && buffer.capacity() <= 2 * MAX_COLLECTED && spare.len() < MAX_SPARE_BUFFERS {
                spare.push(buffer);
            }
        });
    }
}

impl<S: AsyncWrite + Unpin> WriteCoalescer<S> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.collected.get(self.written..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.written = 0;
        self.flush_pending = false;
        self.give_back();
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.collected.len() < MAX_COLLECTED { Poll::Ready(Ok(())) } else { self.poll_drain(cx) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WriteCoalescer<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Every poll of a connection begins with an attempt to read.
        if self.flush_pending {
            self.activity.start_batch();
            if let Poll::Ready(Err(error)) = self.poll_drain(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WriteCoalescer<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.passes() {
            return Pin::new(&mut self.io).poll_write(cx, bytes);
        }
        ready!(self.poll_room(cx))?;
        self.collect(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.passes() {
            return Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        }
        ready!(self.poll_room(cx))?;
        let before = self.collected.len();
        parts.iter().for_each(|part| self.collect(part));
        Poll::Ready(Ok(self.collected.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.collected.is_empty() || !self.expects_more() {
            return self.poll_drain(cx);
        }
        if !self.flush_pending {
            self.flush_pending = true;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures_util::FutureExt as _;
    use std::task::Waker;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    fn coalescer(room: usize) -> (WriteCoalescer<DuplexStream>, DuplexStream, Arc<ConnectionActivity>) {
        let (near, far) = duplex(room);
        let activity = Arc::new(ConnectionActivity::default());
        (WriteCoalescer::new(near, Arc::clone(&activity)), far, activity)
    }

    fn arrived(far: &mut DuplexStream) -> usize {
        let mut bytes = vec![0; 1 << 20];
        far.read(&mut bytes).now_or_never().map_or(0, Result::unwrap)
    }

    fn poll_once(coalescer: &mut WriteCoalescer<DuplexStream>) {
        let mut space = [0; 1];
        let read =
            Pin::new(coalescer).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut space));
        assert!(read.is_pending());
    }

    /// Three streams write a kilobyte each: the bytes that have come before and after the connection's next poll.
    async fn written_thrice(coalescer: &mut WriteCoalescer<DuplexStream>, far: &mut DuplexStream) -> [usize; 2] {
        for _ in 0..3 {
            coalescer.write_all(&[1; 1000]).await.unwrap();
            coalescer.flush().await.unwrap();
        }
        let before = arrived(far);
        poll_once(coalescer);
        [before, arrived(far)]
    }

    #[tokio::test]
    async fn what_several_streams_write_goes_out_in_the_next_turn() {
        let (mut coalescer, mut far, activity) = coalescer(1 << 20);
        let in_flight = activity.begin();
        assert_eq!(written_thrice(&mut coalescer, &mut far).await, [0, 3000]);
        coalescer.write_all(&[1; 1000]).await.unwrap();
        drop(in_flight);
        coalescer.flush().await.unwrap();
        assert_eq!(arrived(&mut far), 1000, "the last stream waits for nobody");
        assert_eq!(coalescer.collected.capacity(), 0);
    }

    #[tokio::test]
    async fn what_ends_all_streams_at_once_goes_out_in_one_piece() {
        let (mut coalescer, mut far, activity) = coalescer(1 << 20);
        drop([activity.begin(), activity.begin(), activity.begin()]);
        assert_eq!(written_thrice(&mut coalescer, &mut far).await, [0, 3000]);
        assert_eq!(coalescer.collected.capacity(), 0);
        drop(activity.begin());
        coalescer.write_all(&[1; 1000]).await.unwrap();
        assert_eq!(arrived(&mut far), 1000, "from then on it is alone");
    }

    #[tokio::test]
    async fn no_more_is_collected_than_fits() {
        let (mut coalescer, mut far, activity) = coalescer(1000);
        let _in_flight = activity.begin();
        coalescer.write_all(&[1; MAX_COLLECTED]).await.unwrap();
        assert!(coalescer.write(&[1]).now_or_never().is_none(), "nobody takes what was collected");
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.map(|_| all)
        });
        coalescer.write_all(&[2]).await.unwrap();
        coalescer.shutdown().await.unwrap();
        let all = reader.await.unwrap().unwrap();
        assert_eq!((all.len(), all.last()), (MAX_COLLECTED + 1, Some(&2)));
    }

    #[tokio::test]
    async fn an_end_and_an_error_are_passed_on() {
        let (mut coalescer, mut far, activity) = coalescer(1 << 20);
        let _in_flight = activity.begin();
        coalescer.write_all(b"last").await.unwrap();
        coalescer.shutdown().await.unwrap();
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"last");

        let (mut coalescer, far, activity) = self::coalescer(10);
        let _in_flight = activity.begin();
        coalescer.write_all(b"more").await.unwrap();
        coalescer.flush().await.unwrap();
        drop(far);
        assert!(coalescer.read_u8().await.is_err());
    }
}

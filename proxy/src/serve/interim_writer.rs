use flow_middleware::{InterimQueue, write_interim};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Writes interim responses between hyper's writes, as hyper's server does not know them.
///
/// They belong before the head of their response. hyper begins that head once nothing of the previous response is left
/// to be written, and flushes before; so interim responses waiting after a flush are written before hyper's next bytes.
/// Those that come while older bytes are still being written are dropped, as it is unknown where the next head begins.
#[derive(Debug)]
pub(super) struct InterimWriter {
    interim: Arc<InterimQueue>,
    bytes: Vec<u8>,
    written: usize,
    /// True if hyper has flushed since its last write.
    between: bool,
}

impl InterimWriter {
    pub(super) fn new(interim: Arc<InterimQueue>) -> Self {
        Self { interim, bytes: Vec::new(), written: 0, between: true }
    }

    /// Must be called before hyper's bytes are written.
    pub(super) fn poll_before_write<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.interim.is_waiting() && !self.between {
            drop(self.interim.take());
        }
        ready!(self.poll_write(io, cx))?;
        self.between = false;
        Poll::Ready(Ok(()))
    }

    /// Must be called when hyper flushes.
    pub(super) fn poll_at_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.between = true;
        self.poll_write(io, cx)
    }

    fn poll_write<S: AsyncWrite + Unpin>(&mut self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut *io).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    count => self.written += count,
                }
            }
            if !self.interim.is_waiting() {
                return Poll::Ready(Ok(()));
            }
            self.bytes.clear();
            self.interim.take().iter().for_each(|response| write_interim(response, &mut self.bytes));
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use flow_middleware::Interim;
    use http::Response;
    use std::task::Waker;

    const HINT: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";

    /// A writer that takes at most so many bytes a write.
    struct Slow(Vec<u8>, usize);

    impl AsyncWrite for Slow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.1);
            self.0.extend_from_slice(&bytes[..count]);
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn they_come_between_answers_only() {
        let queue = Arc::default();
        let interim = Interim::new(&queue, 0);
        let (mut writer, mut io) = (InterimWriter::new(queue), Slow(Vec::new(), 3));
        let cx = &mut Context::from_waker(Waker::noop());
        let hint = || interim.push(Response::builder().status(103).body(()).unwrap());

        hint();
        assert!(writer.poll_at_flush(&mut io, cx).is_ready());
        hint();
        assert!(writer.poll_before_write(&mut io, cx).is_ready());
        assert_eq!(io.0, [HINT, HINT].concat(), "before the first answer, at a flush or with its head");

        hint();
        assert!(writer.poll_before_write(&mut io, cx).is_ready());
        assert!(writer.poll_at_flush(&mut io, cx).is_ready());
        assert_eq!(io.0.len(), 2 * HINT.len(), "nobody knows where the answer before ends");

        hint();
        io.1 = 0;
        assert!(writer.poll_at_flush(&mut io, cx).is_pending());
        assert!(writer.poll_before_write(&mut io, cx).is_pending());
        io.1 = 5;
        assert!(writer.poll_before_write(&mut io, cx).is_ready());
        assert_eq!(io.0.len(), 3 * HINT.len(), "what began is ended first");
    }
}

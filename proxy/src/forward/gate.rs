//! `Expect: 100-continue`: the body waits until the backend wants it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// How long a backend may leave the question open (Go's `ExpectContinueTimeout` in Traefik).
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens at a `100 Continue`, or when the backend has said nothing for a second. After a final answer it stays shut:
/// the body is not wanted.
#[derive(Debug)]
pub(super) struct Gate {
    answer: Option<oneshot::Receiver<()>>,
    patience: Pin<Box<Sleep>>,
}

/// Opens a gate.
pub(super) struct Opener(oneshot::Sender<()>);

impl Opener {
    pub(super) fn open(self) {
        // The gate is gone where the request is.
        let _ = self.0.send(());
    }
}

impl Gate {
    /// A gate, and what opens it.
    pub(super) fn new() -> (Self, Opener) {
        let (sender, answer) = oneshot::channel();
        (Self { answer: Some(answer), patience: Box::pin(tokio::time::sleep(PATIENCE)) }, Opener(sender))
    }

    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(answer) = &mut self.answer {
            match Pin::new(answer).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                // hyper drops the opener at the final answer.
                Poll::Ready(Err(_)) => self.answer = None,
                Poll::Pending => return self.patience.as_mut().poll(cx),
            }
        }
        Poll::Pending
    }
}

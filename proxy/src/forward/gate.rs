//! `Expect: 100-continue`: the body waits until the backend wants it.

use http::Request;
use parking_lot::Mutex;
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

impl Gate {
    /// Puts a gate before the body of `request`.
    pub(super) fn before<B>(request: &mut Request<B>) -> Self {
        let (sender, answer) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        hyper::ext::on_informational(request, move |response| {
            if response.status() == http::StatusCode::CONTINUE
                && let Some(sender) = sender.lock().take()
            {
                // The gate is gone where the request is.
                let _ = sender.send(());
            }
        });
        Self { answer: Some(answer), patience: Box::pin(tokio::time::sleep(PATIENCE)) }
    }

    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(answer) = &mut self.answer {
            match Pin::new(answer).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                // hyper drops the callback at the final answer.
                Poll::Ready(Err(_)) => self.answer = None,
                Poll::Pending => return self.patience.as_mut().poll(cx),
            }
        }
        Poll::Pending
    }
}

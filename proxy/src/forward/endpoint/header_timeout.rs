//! The time limit for the head of a response.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// The time limit for the head of a response, counted from the end of the request.
pub(super) struct ResponseHeaderTimeout {
    limit: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl ResponseHeaderTimeout {
    /// `None` is no limit.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, timer: None }
    }

    /// Ready with the limit once that has passed.
    pub(super) fn poll(&mut self, is_sent: bool, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self.limit.filter(|_| is_sent) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| limit)
    }
}

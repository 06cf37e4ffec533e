//! The limit on pauses within the bodies of one HTTP/2 connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The client sent nothing of a body for too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the client sent nothing of its body for {0:?}")]
pub struct PausedTooLong(Duration);

/// The bodies of one connection that nobody reads now.
///
/// Unread bytes use up the receive window of the whole connection. Once that may be full, silence of a client means
/// nothing.
#[derive(Debug)]
pub struct UnreadBodies {
    count: AtomicU32,
    /// So many may fill the window.
    most: u32,
}

impl UnreadBodies {
    /// None yet; `most` of them fill the receive window of the connection.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { count: AtomicU32::new(0), most }
    }

    fn fill_window(&self) -> bool {
        self.count.load(Relaxed) >= self.most
    }
}

/// The pauses of one body. One begins when the body is asked for more and has nothing.
#[derive(Debug)]
pub struct Pauses {
    limit: Duration,
    since: Option<Instant>,
    /// Kept from pause to pause: it is set anew only when it has run out.
    timer: Option<Pin<Box<Sleep>>>,
    unread: Arc<UnreadBodies>,
}

impl Pauses {
    /// A body of the connection whose unread bodies are `unread`.
    #[must_use]
    pub fn new(limit: Duration, unread: &Arc<UnreadBodies>) -> Self {
        unread.count.fetch_add(1, Relaxed);
        Self { limit, since: None, timer: None, unread: Arc::clone(unread) }
    }

    /// Begins or continues a pause; ready once it is too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<PausedTooLong> {
        let mut since = match self.since {
            Some(since) => since,
            None => {
                self.unread.count.fetch_sub(1, Relaxed);
                *self.since.insert(Instant::now())
            }
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + self.limit)));
        loop {
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.unread.fill_window() {
                since = now;
                self.since = Some(now);
            } else if now.duration_since(since) >= self.limit {
                return Poll::Ready(PausedTooLong(self.limit));
            }
            timer.as_mut().reset(since + self.limit);
        }
    }

    /// Ends a pause, if there is one.
    pub(super) fn end(&mut self) {
        if self.since.take().is_some() {
            self.unread.count.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Pauses {
    fn drop(&mut self) {
        if self.since.is_none() {
            self.unread.count.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    async fn is_over(pauses: &mut Pauses) -> bool {
        poll_fn(|cx| Poll::Ready(pauses.poll(cx).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_that_lasts_is_too_long() {
        let unread = Arc::new(UnreadBodies::new(2));
        let mut pauses = Pauses::new(4 * SECOND, &unread);
        advance(60 * SECOND).await;
        assert!(!is_over(&mut pauses).await, "nobody had asked");
        for _ in 0..10 {
            advance(3 * SECOND).await;
            assert!(!is_over(&mut pauses).await);
            pauses.end();
            assert!(!is_over(&mut pauses).await);
        }
        advance(3 * SECOND).await;
        assert!(!is_over(&mut pauses).await);
        advance(SECOND).await;
        assert!(is_over(&mut pauses).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_no_room_is_not_silent() {
        let unread = Arc::new(UnreadBodies::new(2));
        let mut pauses = Pauses::new(4 * SECOND, &unread);
        let (mut other, another) = (Pauses::new(4 * SECOND, &unread), Pauses::new(4 * SECOND, &unread));
        for _ in 0..10 {
            assert!(!is_over(&mut pauses).await);
            advance(5 * SECOND).await;
        }
        assert!(!is_over(&mut pauses).await);
        drop(another);
        advance(4 * SECOND).await;
        assert!(is_over(&mut pauses).await, "one that is not read leaves room for others");
        pauses.end();
        assert!(!is_over(&mut pauses).await && !is_over(&mut other).await);
        drop((pauses, other));
        assert_eq!(unread.count.load(Relaxed), 0);
    }
}

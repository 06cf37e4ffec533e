//! Asks a backend that says nothing for a sign of life.

use super::connection::Load;
use h2::{Ping, PingPong};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Pings a backend that was silent for so long while streams are open.
pub(super) struct KeepAlive {
    pings: PingPong,
    silence: Duration,
    answer: Duration,
    /// The number of reads so far, which the connection counts.
    reads: Arc<AtomicU32>,
    load: Arc<Load>,
    /// The number of reads when the timer was set.
    seen: u32,
    /// True if the timer is the limit of an answer.
    asked: bool,
    timer: Pin<Box<Sleep>>,
}

impl KeepAlive {
    /// Pings after `silence`; the answer has to come within `answer`.
    pub(super) fn new(
        pings: PingPong,
        silence: Duration,
        answer: Duration,
        reads: Arc<AtomicU32>,
        load: Arc<Load>,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep(silence));
        Self { pings, silence, answer, reads, load, seen: 0, asked: false, timer }
    }

    /// Ready if the connection is dead.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.asked && self.pings.poll_pong(cx).is_ready() {
                self.asked = false;
                self.restart(self.silence);
            }
            ready!(self.timer.as_mut().poll(cx));
            if self.asked {
                return Poll::Ready(());
            }
            let is_silent = self.reads.load(Relaxed) == self.seen && !self.load.is_idle();
            // It fails only while another ping is under way, or once the connection has ended.
            self.asked = is_silent && self.pings.send_ping(Ping::opaque()).is_ok();
            self.restart(if self.asked { self.answer } else { self.silence });
        }
    }

    fn restart(&mut self, limit: Duration) {
        self.seen = self.reads.load(Relaxed);
        self.timer.as_mut().reset(Instant::now() + limit);
    }
}

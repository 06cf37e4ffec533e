use super::activity::{ConnectionActivity, LimitAction, Limits};
use crate::listener::Entry;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The time in which an idle HTTP/1 connection may still send a request once its entry point closes.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to end a connection while requests are in flight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// By a frame of its own, at any time: HTTP/2's GOAWAY.
    Announced,
    /// By `Connection: close` in the next response.
    WithResponse,
}

/// Runs a connection to its end: its protocol, the time limits, the graceful shutdown.
///
/// The timer and the token are polled once, which registers their wakers; after that a poll of the connection looks at
/// two flags only.
pub(super) async fn drive<C, E>(
    connection: C,
    ending: Ending,
    end: impl Fn(Pin<&mut C>),
    entry: &Entry,
    closing: &CancellationToken,
    activity: &ConnectionActivity,
) -> Result<(), E>
where
    C: Future<Output = Result<(), E>>,
{
    let transport = &entry.point.transport;
    let mut limits = Limits::new(transport, Instant::now());
    let mut connection = pin!(connection);
    let mut timer = pin!(tokio::time::sleep(limits.period()));
    let mut closed = pin!(closing.cancelled());
    let mut registered = false;
    let mut draining = false;
    std::future::poll_fn(|cx| {
        if !registered {
            registered = true;
            let _ = timer.as_mut().poll(cx);
            let _ = closed.as_mut().poll(cx);
        }
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            let mut end_now = false;
            if !draining && (entry.is_closing() || activity.is_closing()) {
                draining = true;
                if ending == Ending::Announced {
                    end_now = true;
                } else {
                    limits.start_drain(DRAIN_IDLE_TIMEOUT.min(transport.grace / 4), Instant::now());
                    timer.as_mut().reset((Instant::now() + limits.period()).into());
                    let _ = timer.as_mut().poll(cx);
                }
            }
            while timer.is_elapsed() {
                match limits.check(activity, Instant::now()) {
                    LimitAction::Close => end_now = true,
                    LimitAction::Abort => return Poll::Ready(Ok(())),
                    LimitAction::Continue => {}
                    LimitAction::LastRequest => activity.request_close(),
                }
                timer.as_mut().reset((Instant::now() + limits.period()).into());
                let _ = timer.as_mut().poll(cx);
            }
            if end_now {
                end(connection.as_mut());
            } else if draining || !activity.is_closing() {
                return Poll::Pending;
            }
        }
    })
    .await
}

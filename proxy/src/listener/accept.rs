use super::Entry;
use futures_util::FutureExt as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The delay after the process or the machine has run out of a resource.
const BACK_OFF: Duration = Duration::from_millis(50);
/// The interval at which the same error is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum number of connections that a closing listener still accepts from the kernel's queue.
const MAX_LEFT_BEHIND: usize = 4096;

/// Accepts connections until `closing`; then serves those in the kernel's queue too, as their clients regard them as
/// established. No error ends the loop.
pub(crate) async fn accept_loop(
    listener: TcpListener,
    entry: &Entry,
    closing: &CancellationToken,
    mut serve: impl FnMut(TcpStream, SocketAddr),
) {
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => serve(stream, peer),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
                    complained = Some(Instant::now());
                    tracing::error!(entry_point = &*entry.point.name, %error, "cannot accept connections; trying again");
                }
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    tokio::task::yield_now().await;
    for _ in 0..MAX_LEFT_BEHIND {
        match listener.accept().now_or_never() {
            Some(Ok((stream, peer))) => serve(stream, peer),
            Some(Err(error)) if is_of_one_connection(&error) => {}
            _ => break,
        }
    }
}

/// True if only this connection failed, and the listener is fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | TimedOut)
        || error.raw_os_error() == Some(libc::EPROTO)
}

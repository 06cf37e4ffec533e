//! Writes a short message with one `send`.
//!
//! hyper passes head and body separately, to be written by `writev`. For a small message one `send` of a copy costs the
//! kernel some 5 % less than that, and the copy costs next to nothing.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// The longest message that is copied, in bytes.
const MAX_SMALL: usize = 4096;

thread_local! {
    static WHOLE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes `parts` to `tcp` at once, or some of them.
pub(crate) fn poll_write(tcp: &mut TcpStream, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    let tcp = Pin::new(tcp);
    match parts {
        [one] => tcp.poll_write(cx, one),
        _ if parts.iter().map(|part| part.len()).sum::<usize>() <= MAX_SMALL => WHOLE.with_borrow_mut(|whole| {
            whole.clear();
            for part in parts {
                whole.extend_from_slice(part);
            }
            tcp.poll_write(cx, whole)
        }),
        _ => tcp.poll_write_vectored(cx, parts),
    }
}

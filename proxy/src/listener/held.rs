//! Tickets leave with what follows them.
//!
//! A TLS 1.3 server sends tickets at any time after the client's Finished (RFC 8446 section 4.6.1). At once, they cost a
//! connection a system call and a packet of their own. They wait where something is about to follow: HTTP/2's settings, or
//! the answer to a request that came with the Finished. Otherwise they must leave, as they acknowledge the Finished: a
//! client whose request waits for that (Nagle's algorithm) would have it delayed by some forty milliseconds.

use smallvec::SmallVec;
use std::io::{self, IoSlice};
use std::task::Poll;

/// The type that every encrypted record of TLS 1.3 shows. What a handshake sends begins with another one.
const APPLICATION_DATA: u8 = 0x17;
/// The length of an encrypted alert's record, in bytes. An alert must not wait: it is the last that is written.
const ALERT: usize = 24;

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Held {
    records: Vec<u8>,
    watching: bool,
}

impl Held {
    /// A handshake begins: its tickets shall wait.
    pub(crate) fn begin(&mut self) {
        self.watching = true;
    }

    /// The handshake is over: nothing more shall wait.
    pub(crate) fn end(&mut self) {
        self.watching = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes what is to be written where it is tickets; gives its length.
    pub(super) fn take(&mut self, parts: &[IoSlice<'_>]) -> Option<usize> {
        if !self.watching || parts.iter().find_map(|part| part.first()) != Some(&APPLICATION_DATA) {
            return None;
        }
        let length = length(parts);
        (length > ALERT).then(|| {
            parts.iter().for_each(|part| self.records.extend_from_slice(part));
            length
        })
    }

    /// Looks at how much of `parts` was sent: the rest of a torn message looks like anything.
    pub(super) fn look_at(&mut self, parts: &[IoSlice<'_>], sent: &Poll<io::Result<usize>>) {
        self.watching &= matches!(sent, Poll::Ready(Ok(count)) if *count == length(parts));
    }

    /// What waits, and then `parts`.
    pub(super) fn before<'a>(&'a self, parts: &[IoSlice<'a>]) -> SmallVec<[IoSlice<'a>; 8]> {
        std::iter::once(IoSlice::new(&self.records)).chain(parts.iter().copied()).collect()
    }

    /// So much was sent of [`before`](Self::before); gives how much of it were the parts, once what waited is gone.
    pub(super) fn was_sent(&mut self, count: usize) -> Option<usize> {
        let rest = count.checked_sub(self.records.len());
        if rest.is_some() {
            self.records = Vec::new();
        } else {
            self.records.drain(..count);
        }
        rest
    }
}

fn length(parts: &[IoSlice<'_>]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const TICKETS: [u8; 100] = [APPLICATION_DATA; 100];

    fn handshake() -> Held {
        let mut held = Held::default();
        held.begin();
        held
    }

    fn take(held: &mut Held, bytes: &[u8]) -> Option<usize> {
        held.take(&[IoSlice::new(&[]), IoSlice::new(bytes)])
    }

    #[test]
    fn only_tickets_wait_and_only_at_the_end_of_a_handshake() {
        let mut held = handshake();
        assert_eq!(take(&mut held, &[0x16; 100]), None, "a handshake's message");
        assert_eq!(take(&mut held, &TICKETS[..ALERT]), None, "an alert");
        assert_eq!(take(&mut held, &TICKETS), Some(100));
        held.end();
        assert_eq!(take(&mut held, &TICKETS), None, "an answer");
        assert_eq!(take(&mut Held::default(), &TICKETS), None, "no TLS at all");
    }

    #[test]
    fn after_a_torn_message_nothing_waits() {
        let parts = [IoSlice::new(&[0x16; 100])];
        let mut held = handshake();
        held.look_at(&parts, &Poll::Ready(Ok(100)));
        assert!(held.watching);
        held.look_at(&parts, &Poll::Ready(Ok(99)));
        assert_eq!(take(&mut held, &TICKETS), None);
    }

    #[test]
    fn what_waited_leaves_before_anything_else() {
        let mut held = handshake();
        take(&mut held, &TICKETS);
        assert_eq!(length(&held.before(&[IoSlice::new(b"answer")])), 106);
        assert_eq!(held.was_sent(60), None);
        assert_eq!(length(&held.before(&[IoSlice::new(b"answer")])), 46);
        assert_eq!(held.was_sent(42), Some(2));
        assert!(held.is_empty());
    }
}

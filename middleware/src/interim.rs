//! Interim responses, such as 103 Early Hints (RFC 9110 section 15.2), on their way to a client.

use http::{HeaderMap, HeaderName, StatusCode};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most bytes that wait for a client; interim responses beyond that are dropped, which HTTP allows.
const MAX_WAITING: usize = 64 * 1024;

/// Interim responses that wait to be written to one HTTP/1.1 connection.
#[derive(Debug, Default)]
pub struct Interim {
    waiting: AtomicBool,
    bytes: Mutex<Vec<u8>>,
}

impl Interim {
    /// Appends a response to the queue.
    pub fn push(&self, status: StatusCode, headers: &HeaderMap) {
        let mut bytes = self.bytes.lock();
        let before = bytes.len();
        bytes.extend_from_slice(b"HTTP/1.1 ");
        bytes.extend_from_slice(status.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        for (name, value) in headers {
            bytes.extend_from_slice(b"\r\n");
            title_case(name, &mut bytes);
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        if bytes.len() > MAX_WAITING {
            bytes.truncate(before);
        }
        self.waiting.store(true, Ordering::Release);
    }

    /// True if the queue may hold something.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes the queued bytes.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut *self.bytes.lock())
    }
}

/// Writes `name` with the spelling that HTTP/1.1 peers get for all headers.
pub fn title_case(name: &HeaderName, out: &mut Vec<u8>) {
    let name = name.as_str().as_bytes();
    let start = out.len();
    out.extend_from_slice(name);
    let Some((first, rest)) = out.get_mut(start..).and_then(|written| written.split_first_mut()) else { return };
    first.make_ascii_uppercase();
    for (byte, before) in rest.iter_mut().zip(name) {
        if *before == b'-' {
            byte.make_ascii_uppercase();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn they_are_written_in_order_and_bounded() {
        let interim = Interim::default();
        assert!(!interim.is_waiting());
        let mut headers = HeaderMap::new();
        headers.append("link", HeaderValue::from_static("</a.css>; rel=preload"));
        headers.append("x-long-name", HeaderValue::from_static("1"));
        interim.push(StatusCode::EARLY_HINTS, &headers);
        interim.push(StatusCode::PROCESSING, &HeaderMap::new());
        assert!(interim.is_waiting());
        let text = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Long-Name: 1\r\n\r\n\
                    HTTP/1.1 102 Processing\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&interim.take()), text);
        assert!(!interim.is_waiting());
        for _ in 0..10_000 {
            interim.push(StatusCode::EARLY_HINTS, &headers);
        }
        let most = interim.take();
        assert!(most.len() <= MAX_WAITING && most.ends_with(b"\r\n\r\n"));
    }
}

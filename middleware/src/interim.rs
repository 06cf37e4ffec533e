//! Interim responses, such as 103 Early Hints (RFC 9110 section 15.2), on their way to a client.

use http::{HeaderMap, HeaderName, Response, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most bytes that wait for a client; interim responses beyond that are dropped, which HTTP allows.
const MAX_WAITING: usize = 64 * 1024;

/// Interim responses that wait to be written to one connection.
#[derive(Debug, Default)]
pub struct InterimQueue {
    waiting: AtomicBool,
    responses: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// With the streams of their requests, in the order of arrival.
    responses: Vec<(u32, Response<()>)>,
    /// Their size in bytes.
    size: usize,
}

impl InterimQueue {
    /// True if the queue may hold something.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes the responses to the requests of any stream.
    #[must_use]
    pub fn take(&self) -> Vec<Response<()>> {
        let mut waiting = self.responses.lock();
        self.waiting.store(false, Ordering::Release);
        waiting.size = 0;
        std::mem::take(&mut waiting.responses).into_iter().map(|(_, response)| response).collect()
    }
}

/// The way of interim responses to the client of one request.
#[derive(Clone, Debug)]
pub struct Interim {
    queue: Arc<InterimQueue>,
    stream: u32,
}

impl Interim {
    /// The way to the client of `stream`, which is any number on HTTP/1.
    #[must_use]
    pub fn new(queue: &Arc<InterimQueue>, stream: u32) -> Self {
        Self { queue: Arc::clone(queue), stream }
    }

    /// Appends a response to the queue of the connection.
    pub fn push(&self, response: Response<()>) {
        let size = size(response.headers());
        let mut waiting = self.queue.responses.lock();
        if waiting.size + size <= MAX_WAITING {
            waiting.size += size;
            waiting.responses.push((self.stream, response));
            self.queue.waiting.store(true, Ordering::Release);
        }
    }

    /// Tells the client that its body is wanted: 100 Continue.
    pub fn want_body(&self) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::CONTINUE;
        self.push(response);
    }

    /// True if a response of this connection may wait.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.queue.is_waiting()
    }

    /// Takes the responses to this request.
    #[must_use]
    pub fn take(&self) -> Vec<Response<()>> {
        let mut waiting = self.queue.responses.lock();
        let waiting = &mut *waiting;
        let own = waiting.responses.extract_if(.., |(stream, _)| *stream == self.stream);
        let own: Vec<_> = own.map(|(_, response)| response).collect();
        waiting.size -= own.iter().map(|response| size(response.headers())).sum::<usize>();
        self.queue.waiting.store(!waiting.responses.is_empty(), Ordering::Release);
        own
    }
}

/// The size of a head with these headers, in bytes.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + 32
}

/// Writes `response` as HTTP/1.1 clients read it.
pub fn write_interim(response: &Response<()>, out: &mut Vec<u8>) {
    let status = response.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in response.headers() {
        out.extend_from_slice(b"\r\n");
        title_case(name, out);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
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
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn hint() -> Response<()> {
        let hint = Response::builder().status(103).header("link", "</a.css>; rel=preload");
        hint.header("x-long-name", "1").body(()).unwrap()
    }

    #[test]
    fn they_are_taken_in_order_and_bounded() {
        let queue = Arc::default();
        let interim = Interim::new(&queue, 0);
        assert!(!queue.is_waiting());
        interim.push(hint());
        interim.push(Response::builder().status(102).body(()).unwrap());
        assert!(queue.is_waiting());
        let mut text = Vec::new();
        queue.take().iter().for_each(|response| write_interim(response, &mut text));
        let expected = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Long-Name: 1\r\n\r\n\
                        HTTP/1.1 102 Processing\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert!(!queue.is_waiting());
        for _ in 0..10_000 {
            interim.push(hint());
        }
        assert!(queue.take().len() <= MAX_WAITING / "</a.css>; rel=preload".len());
        assert!(queue.take().is_empty());
    }

    #[test]
    fn each_stream_gets_its_own() {
        let queue = Arc::default();
        let (first, third) = (Interim::new(&queue, 1), Interim::new(&queue, 3));
        third.push(hint());
        first.want_body();
        assert_eq!(first.take().iter().map(Response::status).collect::<Vec<_>>(), [100]);
        assert!(first.take().is_empty() && third.is_waiting(), "that of the other waits");
        for _ in 0..10_000 {
            first.push(hint());
        }
        assert_eq!(third.take().len(), 1);
        assert!(!first.take().is_empty() && !queue.is_waiting());
        third.push(hint());
        assert_eq!(third.take().len(), 1, "there is room again");
    }
}

//! Parses the head of a response (RFC 9112).

use super::decoder::Decoder;
use super::error::Http1Error;
use crate::connection_fields::tokens;
use bytes::BytesMut;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, TRAILER, TRANSFER_ENCODING,
};
use http::{Method, Response, StatusCode};
use httparse::{Header, ParserConfig, Status};
use smallvec::SmallVec;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Maximum length of a head, in bytes, and its maximum number of headers. `STACK_HEADERS` fit on the stack.
pub(in crate::forward) const MAX_HEAD_LENGTH: usize = 512 * 1024;
pub(in crate::forward) const MAX_HEADERS: usize = 4096;
const STACK_HEADERS: usize = 64;

/// A parsed head, and the framing of its body.
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) body: Decoder,
    /// True if the connection can be used again after the body.
    pub(super) keep_alive: bool,
}

/// Takes a head from `bytes`, the beginning of the response to a request of `method`. `None` if it is incomplete.
///
/// # Errors
/// `Malformed` if it is not HTTP/1.x or the end of its body is unclear, `TooLarge` beyond the limits.
pub(super) fn take(bytes: &mut BytesMut, method: &Method) -> Result<Option<Head>, Http1Error> {
    let mut values = ValueRanges::new();
    let Some(line) = find(bytes, &mut values)? else {
        return if bytes.len() < MAX_HEAD_LENGTH { Ok(None) } else { Err(Http1Error::TooLarge) };
    };
    if line.length > MAX_HEAD_LENGTH {
        return Err(Http1Error::TooLarge);
    }
    let text = bytes.split_to(line.length).freeze();
    let mut headers = HeaderMap::with_capacity(values.len());
    let mut connection = ConnectionHeaders { coding: None, keep_alive: line.http_11, close: false, trailer: false };
    for (name, range) in values.drain(..) {
        if connection.note(&name, &text[range.clone()]) {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(text.slice(range.clone())).or_else(|_| unfolded(&text[range]));
        headers.append(name, value.map_err(|_| Http1Error::Malformed("a header's value"))?);
    }
    if connection.coding.is_some() && !line.http_11 {
        return Err(Http1Error::Malformed("a transfer coding in HTTP/1.0"));
    }
    let body = delimited(&mut headers, method, line.status, connection.coding)?;
    if connection.trailer && !matches!(body, Decoder::Chunked(_)) {
        // No trailers can come.
        headers.remove(TRAILER);
    }
    let keep_alive = connection.keep_alive && !connection.close && body != Decoder::UntilClose;
    let mut response = Response::new(());
    *response.status_mut() = line.status;
    *response.headers_mut() = headers;
    Ok(Some(Head { response, body, keep_alive }))
}

/// Joins a value that goes on in the next line (RFC 9112 section 5.2).
fn unfolded(value: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
    let line: Vec<u8> = value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect();
    HeaderValue::from_bytes(&line)
}

/// The status line, and the length of the whole head.
struct Line {
    length: usize,
    status: StatusCode,
    http_11: bool,
}

/// The headers, and the positions of their values. Passed by reference, as it is large.
type ValueRanges = SmallVec<[(HeaderName, Range<usize>); 16]>;

fn find(bytes: &[u8], values: &mut ValueRanges) -> Result<Option<Line>, Http1Error> {
    let mut few = [const { MaybeUninit::uninit() }; STACK_HEADERS];
    match find_with(bytes, &mut few, values) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut all = vec![MaybeUninit::uninit(); MAX_HEADERS];
            find_with(bytes, &mut all, values)
        }
        found => found,
    }
    .map_err(|error| match error {
        httparse::Error::TooManyHeaders => Http1Error::TooLarge,
        httparse::Error::HeaderName => Http1Error::Malformed("a header's name"),
        httparse::Error::HeaderValue => Http1Error::Malformed("a header's value"),
        httparse::Error::NewLine => Http1Error::Malformed("a line's end"),
        httparse::Error::Status | httparse::Error::Token => Http1Error::Malformed("the status"),
        httparse::Error::Version => Http1Error::Malformed("the version"),
    })
}

fn find_with<'a>(
    bytes: &'a [u8],
    headers: &mut [MaybeUninit<Header<'a>>],
    values: &mut ValueRanges,
) -> Result<Option<Line>, httparse::Error> {
    let mut response = httparse::Response::new(&mut []);
    // Small servers send lines that are not headers, or continuation lines: no reason to drop a response.
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true).ignore_invalid_headers_in_responses(true);
    let Status::Complete(length) = config.parse_response_with_uninit_headers(&mut response, bytes, headers)? else {
        return Ok(None);
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(httparse::Error::Status)?;
    for header in &*response.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
        let start = header.value.as_ptr().addr() - bytes.as_ptr().addr();
        values.push((name, start..start + header.value.len()));
    }
    Ok(Some(Line { length, status, http_11: response.version == Some(1) }))
}

/// The facts of a head that concern this connection only.
struct ConnectionHeaders {
    /// Set if there is a transfer coding; true if the last one is `chunked`.
    coding: Option<bool>,
    keep_alive: bool,
    close: bool,
    /// True if it announces trailers.
    trailer: bool,
}

impl ConnectionHeaders {
    /// Notes a header. True if the header concerns this connection only, and is left out of the head.
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> bool {
        if name == TRANSFER_ENCODING {
            // Several lines are one list.
            self.coding = tokens(value).last().map(|last| last.eq_ignore_ascii_case(b"chunked"));
            return true;
        }
        if name != CONNECTION {
            self.trailer |= name == TRAILER;
            return false;
        }
        let mut names_others = false;
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else {
                names_others = true;
            }
        }
        !names_others
    }
}

/// The framing of the body (RFC 9112 section 6.3). Removes a `Content-Length` that does not count, and merges repeated
/// ones.
fn delimited(
    headers: &mut HeaderMap,
    method: &Method,
    status: StatusCode,
    coding: Option<bool>,
) -> Result<Decoder, Http1Error> {
    if coding.is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    if has_no_body(method, status) {
        return Ok(Decoder::Length(0));
    }
    Ok(match coding {
        Some(true) => Decoder::chunked(),
        Some(false) => Decoder::UntilClose,
        None => content_length(headers)?.map_or(Decoder::UntilClose, Decoder::Length),
    })
}

fn has_no_body(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn content_length(headers: &mut HeaderMap) -> Result<Option<u64>, Http1Error> {
    let Some(first) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let parsed = number(first.as_bytes());
    if let Some(length) = parsed
        && headers.get_all(CONTENT_LENGTH).iter().nth(1).is_none()
    {
        return Ok(Some(length));
    }
    // Several, in lines or in one: by RFC 9110 section 8.6 they count as one if they agree.
    let agreed = {
        let mut numbers = headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| tokens(value.as_bytes())).map(number);
        let length = numbers.next().flatten();
        length.filter(|_| numbers.all(|other| other == length))
    };
    match agreed {
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            Ok(Some(length))
        }
        None => Err(Http1Error::Malformed("its length")),
    }
}

/// Parses digits only: Rust's own parser accepts a sign.
fn number(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn taken(text: &str, method: &Method) -> Result<Option<Head>, Http1Error> {
        take(&mut BytesMut::from(text), method)
    }

    fn body(lines: &str) -> Result<(Decoder, bool), Http1Error> {
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        taken(&text, &Method::GET).map(|head| head.map(|head| (head.body, head.keep_alive)).unwrap())
    }

    #[test]
    fn a_head_is_taken_once_all_of_it_is_there() {
        let text = "HTTP/1.1 404 Nobody Knows\r\nX-A: 1\r\nx-a:2 \r\nX-B:\r\nContent-Length: 3\r\n\r\nabcd";
        let mut bytes = BytesMut::new();
        let mut given = text.bytes();
        let head = loop {
            if let Some(head) = take(&mut bytes, &Method::GET).unwrap() {
                break head;
            }
            bytes.extend(given.next());
        };
        assert_eq!((given.len(), bytes.len()), (4, 0));
        let values =
            |name| head.response.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!((values("x-a"), values("x-b")), (vec!["1", "2"], vec![""]));
        assert_eq!(
            (head.response.status(), head.body, head.keep_alive),
            (StatusCode::NOT_FOUND, Decoder::Length(3), true)
        );
    }

    #[test]
    fn where_a_body_ends() {
        let chunked = || Decoder::chunked();
        for (lines, decoder, keep_alive) in [
            ("Content-Length: 0\r\n", Decoder::Length(0), true),
            ("Content-Length: 7\r\nContent-Length: 7\r\n", Decoder::Length(7), true),
            ("Content-Length: 7, 7\r\n", Decoder::Length(7), true),
            ("Transfer-Encoding: Chunked\r\n", chunked(), true),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: x, chunked\r\n", chunked(), true),
            ("Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", chunked(), true),
            ("Transfer-Encoding: gzip\r\nContent-Length: 7\r\n", Decoder::UntilClose, false),
            ("", Decoder::UntilClose, false),
            ("Connection: a, Close\r\nConnection: keep-alive\r\nContent-Length: 1\r\n", Decoder::Length(1), false),
        ] {
            assert_eq!(body(lines).unwrap(), (decoder, keep_alive), "{lines:?}");
        }
        for lines in ["Content-Length: 7\r\nContent-Length: 8\r\n", "Content-Length: +7\r\n", "Content-Length: 7,\r\n"]
        {
            assert!(matches!(body(lines), Err(Http1Error::Malformed(_))), "{lines:?}");
        }
        let too_long = "Content-Length: 99999999999999999999\r\n";
        assert!(matches!(body(too_long), Err(Http1Error::Malformed(_))));
    }

    #[test]
    fn a_length_that_does_not_count_is_removed_and_a_repeated_one_said_once() {
        let length = |lines: &str| {
            let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            let head = taken(&text, &Method::GET).unwrap().unwrap();
            head.response
                .headers()
                .get_all(CONTENT_LENGTH)
                .iter()
                .map(|v| v.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(length("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"), [""; 0]);
        assert_eq!(length("Content-Length: 7\r\nContent-Length: 7\r\n"), ["7"]);
    }

    #[test]
    fn trailers_are_announced_only_where_they_can_come() {
        for (lines, method, announced) in [
            ("Transfer-Encoding: chunked\r\n", Method::GET, true),
            ("Content-Length: 7\r\n", Method::GET, false),
            ("", Method::GET, false),
            ("Transfer-Encoding: chunked\r\n", Method::HEAD, false),
        ] {
            let head = taken(&format!("HTTP/1.1 200 OK\r\nTrailer: X-T\r\n{lines}\r\n"), &method).unwrap().unwrap();
            assert_eq!(head.response.headers().contains_key(TRAILER), announced, "{lines:?} {method}");
        }
    }

    #[test]
    fn answers_that_never_have_a_body() {
        let lines = "X\r\nContent-Length: 9\r\n\r\n";
        for (status, method) in [(204, Method::GET), (304, Method::GET), (103, Method::GET), (200, Method::HEAD)] {
            let head = taken(&format!("HTTP/1.1 {status} {lines}"), &method).unwrap().unwrap();
            assert_eq!(
                (head.body, head.response.headers()["content-length"].as_bytes()),
                (Decoder::Length(0), &b"9"[..])
            );
        }
    }

    #[test]
    fn http_1_0_closes_unless_it_says_otherwise() {
        let keep_alive = |lines: &str| {
            let text = format!("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n{lines}\r\n");
            taken(&text, &Method::GET).unwrap().unwrap().keep_alive
        };
        assert!(!keep_alive("") && keep_alive("Connection: Keep-Alive\r\n"));
        let chunked = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(taken(chunked, &Method::GET).is_err());
    }

    #[test]
    fn many_headers_are_fine_and_too_many_are_not() {
        let answer = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert_eq!(
            taken(&answer(1000), &Method::GET).unwrap().unwrap().response.headers().get_all("a").iter().count(),
            1000
        );
        assert!(matches!(taken(&answer(MAX_HEADERS + 1), &Method::GET), Err(Http1Error::TooLarge)));
        let endless = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(MAX_HEAD_LENGTH));
        assert!(matches!(taken(&endless, &Method::GET), Err(Http1Error::TooLarge)));
    }

    #[test]
    fn odd_lines_cost_nothing_else() {
        let lines = "A : b\r\nX Y: 1\r\n: c\r\nX-Long: d\r\n  e\r\nX-Good: f\r\nContent-Length: 2\r\n";
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        let head = taken(&text, &Method::GET).unwrap().unwrap();
        let mut found: Vec<_> = head
            .response
            .headers()
            .iter()
            .map(|(name, value)| {
                let words: Vec<_> = value.to_str().unwrap().split_whitespace().collect();
                format!("{name}: {}", words.join(" "))
            })
            .collect();
        found.sort();
        assert_eq!(found, ["content-length: 2", "x-good: f", "x-long: d e"]);
        assert_eq!(head.body, Decoder::Length(2));
    }

    #[test]
    fn what_is_no_answer() {
        for text in [
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
        ] {
            assert!(matches!(taken(text, &Method::GET), Err(Http1Error::Malformed(_))), "{text:?}");
        }
    }
}

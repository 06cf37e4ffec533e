//! Serializes the head of a request.

use crate::forward::request_body::RequestBody;
use flow_middleware::{Spellings, title_case};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::Body as _;

/// The length of a request's body, which decides its framing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Length {
    /// In bytes.
    Known(u64),
    /// It ends when the client says so.
    Unknown,
}

/// The form of a head that depends on more than the request.
#[derive(Clone, Copy, Default)]
pub(in crate::forward) struct HeadForm<'a> {
    /// The request asks for an upgrade. Headers of a WebSocket are spelt as in the RFC: some servers require that (so
    /// Traefik does it too).
    pub(in crate::forward) upgrading: bool,
    /// The names of headers that are spelt as configured.
    pub(in crate::forward) spellings: Option<&'a Spellings>,
    /// For a proxy on the way, which the whole URL is told.
    pub(in crate::forward) absolute: Option<AbsoluteForm<'a>>,
}

/// The form of a request for a proxy (RFC 9112 section 3.2.2).
#[derive(Clone, Copy)]
pub(in crate::forward) struct AbsoluteForm<'a> {
    /// The server's host and port: part of the target, and of necessity the `Host`.
    pub(in crate::forward) authority: &'a HeaderValue,
    /// The proxy's `Proxy-Authorization`.
    pub(in crate::forward) authorization: Option<&'a HeaderValue>,
}

/// Writes the head of `request` to `out`, and returns the framing of its body. Headers are in title case, as most
/// clients send them, but for those of which `form` says otherwise.
///
/// The framing follows Go's transport: a body of known length has `Content-Length`, an empty one only if the method
/// makes servers expect it, any other is chunked.
pub(super) fn write(request: &Request<RequestBody>, form: HeadForm<'_>, out: &mut Vec<u8>) -> Length {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    if let Some(absolute) = form.absolute {
        out.extend_from_slice(b"http://");
        out.extend_from_slice(absolute.authority.as_bytes());
    }
    out.extend_from_slice(uri.path().as_bytes());
    if let Some(query) = uri.query() {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    // First, as RFC 9110 section 7.2 recommends.
    if let Some(host) = form.absolute.map(|absolute| absolute.authority).or_else(|| headers.get(HOST)) {
        line(b"Host", host.as_bytes(), out);
    }
    if let Some(authorization) = form.absolute.and_then(|absolute| absolute.authorization) {
        line(b"Proxy-Authorization", authorization.as_bytes(), out);
    }
    for (name, value) in headers {
        if name == HOST || name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            continue;
        }
        if let Some(spelt) = form.spellings.and_then(|spellings| spellings.of(name)) {
            line(spelt.as_bytes(), value.as_bytes(), out);
            continue;
        }
        let start = out.len();
        title_case(name, out);
        if form.upgrading && name.as_str().starts_with("sec-websocket-") {
            out[start + "sec-web".len()] = b'S';
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let length = length(headers, request.body());
    match length {
        Length::Known(0) if *method == Method::POST || *method == Method::PUT || *method == Method::PATCH => {
            line(b"Content-Length", b"0", out);
        }
        Length::Known(0) => {}
        Length::Known(length) => line(b"Content-Length", itoa::Buffer::new().format(length).as_bytes(), out),
        Length::Unknown => line(b"Transfer-Encoding", b"chunked", out),
    }
    out.extend_from_slice(b"\r\n");
    length
}

fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The length known by the body itself; otherwise the length that the client announced.
fn length(headers: &HeaderMap, body: &RequestBody) -> Length {
    if body.is_empty() {
        return Length::Known(0);
    }
    let announced = || headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    body.size_hint().exact().or_else(announced).map_or(Length::Unknown, Length::Known)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use bytes::Bytes;
    use flow_middleware::Body;

    fn written(request: http::request::Builder, body: impl Into<Body>, upgrading: bool) -> String {
        let mut out = Vec::new();
        let form = HeadForm { upgrading, ..HeadForm::default() };
        write(&request.body(RequestBody::new(body.into())).unwrap(), form, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_proxy_is_told_the_whole_url() {
        let (authority, authorization) = (HeaderValue::from_static("b.test:8080"), HeaderValue::from_static("Basic x"));
        let request = Request::get("/a?b").header("host", "a.test").header("x-a", "1");
        let request = request.body(RequestBody::new(Body::Empty)).unwrap();
        for (authorization, line) in [(None, ""), (Some(&authorization), "Proxy-Authorization: Basic x\r\n")] {
            let mut out = Vec::new();
            let absolute = Some(AbsoluteForm { authority: &authority, authorization });
            write(&request, HeadForm { absolute, ..HeadForm::default() }, &mut out);
            let expected = format!("GET http://b.test:8080/a?b HTTP/1.1\r\nHost: b.test:8080\r\n{line}X-A: 1\r\n\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_header_can_have_a_spelling_of_its_own() {
        let (name, spelt) = ("x-webauth-user".parse().unwrap(), "X-WebAuth-User");
        let spellings = Spellings::default().with(&name, spelt);
        let request = Request::get("/").header("x-webauth-user", "anna").header("x-webauth-group", "a");
        let request = request.body(RequestBody::new(Body::Empty)).unwrap();
        let mut out = Vec::new();
        write(&request, HeadForm { spellings: Some(&spellings), ..HeadForm::default() }, &mut out);
        let expected = "GET / HTTP/1.1\r\nX-WebAuth-User: anna\r\nX-Webauth-Group: a\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn host_comes_first_and_names_are_in_title_case() {
        let request =
            Request::get("/a%2F?").header("x-a", "1").header("host", "a").header("x--b-", "").header("x-a", "2");
        let expected = "GET /a%2F? HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\nX--B-: \r\n\r\n";
        assert_eq!(written(request, Body::Empty, false), expected);
    }

    #[test]
    fn websocket_headers_keep_the_spelling_of_the_rfc() {
        let request = || Request::get("/").header("sec-websocket-key", "k").header("x-sec-websocket-key", "k");
        let upgrading = "GET / HTTP/1.1\r\nSec-WebSocket-Key: k\r\nX-Sec-Websocket-Key: k\r\n\r\n";
        assert_eq!(written(request(), Body::Empty, true), upgrading);
        assert!(written(request(), Body::Empty, false).contains("\r\nSec-Websocket-Key: k\r\n"));
    }

    #[test]
    fn a_body_is_delimited_by_its_length_where_that_is_known() {
        let unknown = || {
            Body::boxed(http_body_util::StreamBody::new(futures_util::stream::pending::<
                Result<http_body::Frame<Bytes>, std::io::Error>,
            >()))
        };
        let post = || Request::post("/").header("content-length", "07").header("transfer-encoding", "chunked");
        for (request, body, expected) in [
            (post(), Body::from("changed on the way"), "Content-Length: 18"),
            (post(), unknown(), "Content-Length: 7"),
            (Request::post("/"), Body::from("four"), "Content-Length: 4"),
            (Request::get("/"), unknown(), "Transfer-Encoding: chunked"),
            (Request::put("/").header("content-length", "0"), Body::Empty, "Content-Length: 0"),
            (Request::patch("/"), Body::Empty, "Content-Length: 0"),
        ] {
            let text = written(request, body, false);
            assert_eq!(text.split_once("\r\n").unwrap().1, format!("{expected}\r\n\r\n"));
        }
        let delete = Request::delete("/").header("content-length", "0");
        assert_eq!(written(delete, Body::Empty, false), "DELETE / HTTP/1.1\r\n\r\n", "nobody looks for a body there");
    }
}

//! Responses that the proxy makes itself, byte for byte as Go's `net/http` and Traefik word them.

use crate::Body;
use crate::body::BodyError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Client Closed Request: the client went away before there was a response; nginx's number, used by Traefik.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

const NOSNIFF_NAME: HeaderName = HeaderName::from_static("x-content-type-options");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A response without headers of its own.
#[must_use]
pub fn bare(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// The status and, as body, its text; no `Content-Type` (Traefik's raw `WriteHeader` and `Write`).
#[must_use]
pub fn status_text(status: StatusCode) -> Response<Body> {
    bare(status, Body::from(text(status)))
}

/// The status and nothing else (Traefik's raw `WriteHeader`).
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    bare(status, Body::Empty)
}

/// Go's `http.Error`: the text and a newline as plain text that must not be sniffed.
#[must_use]
pub fn http_error(status: StatusCode, message: &str) -> Response<Body> {
    let mut body = String::with_capacity(message.len() + 1);
    body.push_str(message);
    body.push('\n');
    let mut response = bare(status, Body::from(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, PLAIN_TEXT);
    response.headers_mut().insert(NOSNIFF_NAME, NOSNIFF);
    response
}

/// The response of Go's server to a request that it cannot read: plain text without `Content-Length`.
#[must_use]
pub fn unread(status: StatusCode, message: &'static str) -> Response<Body> {
    let mut response = bare(status, Body::boxed(Unsized(Some(message))));
    response.headers_mut().insert(CONTENT_TYPE, PLAIN_TEXT);
    response
}

/// A text whose length is not announced.
struct Unsized(Option<&'static str>);

impl http_body::Body for Unsized {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// Go's `http.StatusText`, and 499 as Traefik has it; empty for a status that Go does not know.
#[must_use]
pub fn text(status: StatusCode) -> &'static str {
    match status.as_u16() {
        // Texts that differ between Go and the http crate.
        203 => "Non-Authoritative Information",
        302 => "Found",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        416 => "Requested Range Not Satisfiable",
        418 => "I'm a teapot",
        422 => "Unprocessable Entity",
        425 => "Too Early",
        CLIENT_CLOSED_REQUEST => "Client Closed Request",
        _ => status.canonical_reason().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http_body_util::BodyExt as _;

    async fn body(response: Response<Body>) -> Bytes {
        response.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_raw_status_has_its_text_and_no_content_type() {
        let response = status_text(StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers().is_empty());
        assert_eq!(body(response).await, "Too Many Requests");
        let gone = StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap();
        assert_eq!(body(status_text(gone)).await, "Client Closed Request");
        assert_eq!(body(empty(StatusCode::INTERNAL_SERVER_ERROR)).await, "");
    }

    #[tokio::test]
    async fn an_http_error_ends_with_a_newline_and_is_not_sniffed() {
        let response = http_error(StatusCode::NOT_FOUND, "404 page not found");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(body(response).await, "404 page not found\n");
    }

    #[test]
    fn words_are_those_of_go() {
        for (status, words) in [
            (200, "OK"),
            (302, "Found"),
            (413, "Request Entity Too Large"),
            (418, "I'm a teapot"),
            (431, "Request Header Fields Too Large"),
            (511, "Network Authentication Required"),
            (599, ""),
        ] {
            assert_eq!(text(StatusCode::from_u16(status).unwrap()), words);
        }
    }
}

//! From one request to one response: the steps common to all HTTP versions.

use super::activity::{ConnectionActivity, InFlight};
use super::{Client, Handler, head};
use bytes::Bytes;
use flow_middleware::body::Holding;
use flow_middleware::{Body, Interim};
use futures_util::FutureExt as _;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TE, TRAILER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

/// The state shared by the requests of one connection.
pub(super) struct Session<H> {
    pub(super) client: Arc<Client>,
    pub(super) handler: Arc<H>,
    pub(super) activity: Arc<ConnectionActivity>,
}

/// Lower bound of the limit on the heads of one HTTP/2 connection, in bytes; and the limit in largest heads.
const MIN_HEADS_LIMIT: usize = 4 << 20;
const LARGEST_HEADS: usize = 4;

/// The heads of the connection's requests are too large in total: nothing was done, and the client may try again
/// (RFC 9113 section 8.7).
#[derive(Debug, thiserror::Error)]
#[error("the heads of the connection's requests are too large")]
pub(super) struct Refused;

/// Counts the request, checks its head, calls the handler and decides if the connection goes on.
///
/// # Errors
/// [`Refused`], over HTTP/2 only.
pub(super) async fn respond<H: Handler>(
    session: Arc<Session<H>>,
    mut request: Request<Body>,
    interim: Option<Interim>,
) -> Result<Response<Holding<InFlight>>, Refused> {
    let (mut in_flight, count) = session.activity.begin();
    let entry = &session.client.entry;
    let most = entry.point.transport.keep_alive_max_requests;
    if (most > 0 && count >= most) || entry.is_closing() {
        session.activity.request_close();
    }
    let is_h1 = request.version() < Version::HTTP_2;
    if !is_h1
        && in_flight.add_head(head::size(&request))
            > MIN_HEADS_LIMIT.max(LARGEST_HEADS * entry.point.http.max_header_bytes)
    {
        return Err(Refused);
    }
    let takes_trailers = !is_h1 || (request.version() == Version::HTTP_11 && asks_for_trailers(request.headers()));
    // On HTTP/1.1 hyper itself omits the body for HEAD.
    let headed = !is_h1 && request.method() == Method::HEAD;
    let mut response = match head::normalize(&mut request) {
        Ok(()) => {
            // Pinned here: it is large, and wrapping it would move it.
            let handling = pin!(session.handler.handle(&session.client, request, interim));
            match AssertUnwindSafe(handling).catch_unwind().await {
                Ok(response) => response,
                Err(_) => {
                    tracing::error!(entry_point = &*entry.point.name, "a request made its handler panic");
                    plain(StatusCode::INTERNAL_SERVER_ERROR)
                }
            }
        }
        Err(refusal) => {
            tracing::debug!(entry_point = &*entry.point.name, client = %session.client.connection.remote, %refusal);
            if is_h1 && refusal.ends_connection() {
                session.activity.request_close();
            }
            refusal.response()
        }
    };
    if is_h1 && response.status() == StatusCode::NOT_MODIFIED {
        // Go's server omits the headers of a body that 304 does not have.
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    if response.headers().contains_key(TRAILER) && (!takes_trailers || http_body::Body::is_end_stream(response.body()))
    {
        // No trailers will be sent.
        response.headers_mut().remove(TRAILER);
    }
    if headed {
        drop_body(&mut response);
    }
    let mut response = response.map(|body| Holding::new(body, in_flight));
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        session.activity.set_upgraded();
    } else if is_h1 && (session.activity.is_closing() || entry.is_closing()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    session.activity.response_started();
    Ok(response)
}

/// True if the client accepts trailers: hyper sends them to no other (RFC 9110 section 6.5.1).
fn asks_for_trailers(headers: &HeaderMap) -> bool {
    let words = |value: &HeaderValue| {
        value.as_bytes().split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    };
    headers.get_all(TE).iter().any(words)
}

/// Drops the body but keeps its length, which a response to GET would have: clients reject a body after HEAD.
fn drop_body(response: &mut Response<Body>) {
    let length = http_body::Body::size_hint(&std::mem::take(response.body_mut())).exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
}

/// A response with its status as text, worded as by Go's server.
pub(super) fn plain(status: StatusCode) -> Response<Body> {
    let text = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default());
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

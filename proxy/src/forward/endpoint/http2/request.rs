//! The head of a request in the form of HTTP/2.

use super::super::{Endpoint, Scheme};
use crate::forward::request_body::RequestBody;
use crate::http2::remove_connection_fields;
use http::header::{CONTENT_LENGTH, HOST, TE};
use http::uri::{Authority, Scheme as UriScheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as _;

/// Takes the head of `request`, with `Host` as `:authority`.
pub(super) fn take_head(request: &mut Request<RequestBody>, endpoint: &Endpoint) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = std::mem::take(request.headers_mut());
    let host = head.headers_mut().remove(HOST);
    *head.uri_mut() = uri(std::mem::take(request.uri_mut()), host.as_ref(), endpoint);
    let takes_trailers = head.headers().get(TE).is_some_and(|value| value == "trailers");
    remove_connection_fields(head.headers_mut());
    if takes_trailers {
        head.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    }
    add_length(request.method(), request.body(), head.headers_mut());
    head
}

fn uri(uri: Uri, host: Option<&HeaderValue>, endpoint: &Endpoint) -> Uri {
    let named = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = named.or_else(|| Authority::try_from(endpoint.address()).ok());
    let mut parts = uri.into_parts();
    if authority.is_some() && parts.path_and_query.is_some() {
        parts.scheme = Some(if endpoint.scheme == Scheme::Https { UriScheme::HTTPS } else { UriScheme::HTTP });
        parts.authority = authority;
    }
    Uri::from_parts(parts).unwrap_or_default()
}

/// Announces the length of a body; that of an empty one only if the method makes servers expect it.
fn add_length(method: &Method, body: &RequestBody, headers: &mut HeaderMap) {
    let Some(length) = body.size_hint().exact() else { return };
    let is_expected = !matches!(*method, Method::GET | Method::HEAD | Method::DELETE);
    if length > 0 || is_expected {
        headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
}

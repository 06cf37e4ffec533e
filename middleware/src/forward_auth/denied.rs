//! The client's response if the server refuses.

use super::auth_request::HOP;
use crate::{Body, Exchange, path, response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use url::Url;

/// The server's response as the client gets it. A relative `Location` refers to the server (`base`), unless `base` is
/// `None`.
pub(super) fn refusal(auth_response: Response<Bytes>, base: Option<&Url>) -> Response<Body> {
    let (mut head, body) = auth_response.into_parts();
    for name in HOP {
        head.headers.remove(name);
    }
    if !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    if let Some(location) = head.headers.get(LOCATION).filter(|location| !location.is_empty()) {
        match location.to_str().ok().and_then(|location| resolved(location, base)) {
            Some(Some(resolved)) => {
                head.headers.insert(LOCATION, resolved);
            }
            Some(None) => {}
            None => {
                let mut response = Response::from_parts(head, Body::Empty);
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response.headers_mut().remove(CONTENT_LENGTH);
                return response;
            }
        }
    }
    // A new head: hyper's extensions belong to the server's connection.
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// `Some(None)` if the location may stay; `None` if it is not a URL.
fn resolved(location: &str, base: Option<&Url>) -> Option<Option<HeaderValue>> {
    let Some(base) = base else { return Some(None) };
    match Url::parse(location) {
        Ok(_) => Some(None),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let url = base.join(location).ok()?;
            Some(Some(HeaderValue::try_from(String::from(url)).ok()?))
        }
        Err(_) => None,
    }
}

/// Redirects the client to the sign-in page: Go's `http.Redirect` without its text, as in Traefik.
pub(super) fn sign_in(exchange: &Exchange, url: &str) -> Response<Body> {
    let is_absolute = url.starts_with("//") || Url::parse(url).is_ok();
    let location = if is_absolute || url.starts_with('/') {
        url.to_owned()
    } else {
        let path = path::current(exchange);
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        [folder, url].concat()
    };
    let escaped: String = location
        .bytes()
        .map(|byte| if byte < 0x80 { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let mut response = response::empty(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::try_from(escaped) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

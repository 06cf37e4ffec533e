//! What the client is told where the server says no.

use crate::{Body, Exchange, answer, path};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, TE, TRANSFER_ENCODING, UPGRADE};
use http::{Response, StatusCode};
use url::Url;

/// The server's answer as the client gets it. A relative `Location` means the server's own (`base`), where it is not
/// to stay as it is.
pub(super) fn refusal(answer: Response<Bytes>, base: Option<&Url>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    for name in [
        CONNECTION,
        HeaderName::from_static("keep-alive"),
        TE,
        HeaderName::from_static("trailers"),
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
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
    // A new head: what hyper keeps in the extensions belongs to the server's connection.
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// `Some(None)` where the location may stay; `None` where it is no URL.
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

/// Sends the client to the page where it can sign in: Go's `http.Redirect`, whose text Traefik leaves out.
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
    let mut response = answer::empty(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::try_from(escaped) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

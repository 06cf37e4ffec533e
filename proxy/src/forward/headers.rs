//! Headers at this hop: those not to be forwarded (RFC 9110 §7.6.1, following Go's ReverseProxy) and those added.

use crate::connection_fields::{remove, tokens};
use flow_middleware::{ForwardedFor, OmitForwardedFor};
use http::header::{CONNECTION, CONTENT_LENGTH, Entry, HeaderMap, HeaderName, HeaderValue, TE, UPGRADE};
use http::request::Parts;
use http::{Version, response};
use smallvec::SmallVec;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The protocol that a client wants to upgrade to, and its side of the connection.
pub(crate) struct Upgrading {
    pub(crate) protocol: HeaderValue,
    pub(crate) client: hyper::upgrade::OnUpgrade,
}

/// Turns the head of a client's request into that of a backend's, except for the parts that depend on the backend.
/// `client` is the client's address.
pub(crate) fn prepare_request(
    head: &mut Parts,
    client: &HeaderValue,
    forwarded_for: ForwardedFor,
) -> Option<Upgrading> {
    let headers = &mut head.headers;
    let (mut upgrading, mut trailers) = (None, false);
    let named = hop_by_hop(headers, true);
    if !named.is_empty() {
        if let Some(protocol) = upgrade_protocol(headers) {
            let client = head.extensions.remove::<hyper::upgrade::OnUpgrade>();
            upgrading = client.map(|client| Upgrading { protocol, client });
        }
        trailers = has_token(headers, &TE, b"trailers");
        remove(headers, named);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(upgrading) = &upgrading {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, upgrading.protocol.clone());
    }
    if forwarded_for == ForwardedFor::Append && head.extensions.get::<OmitForwardedFor>().is_none() {
        append_forwarded_for(headers, client);
    }
    head.version = Version::HTTP_11;
    // The server side's extensions are for this process only.
    head.extensions.clear();
    upgrading
}

/// Turns the head of a backend's response into ours.
pub(crate) fn clean_response(head: &mut response::Parts) {
    // `Trailer` stays: trailers are forwarded.
    let named = hop_by_hop(&head.headers, false);
    remove(&mut head.headers, named);
    head.extensions.clear();
    head.version = Version::HTTP_11;
}

/// Removes the fields of an interim response that concern one connection, or a body.
pub(super) fn clean_interim(headers: &mut HeaderMap) {
    let named = hop_by_hop(headers, true);
    remove(headers, named);
    headers.remove(CONTENT_LENGTH);
}

/// Removes fields from a response's trailers that are not allowed there (RFC 9110 section 6.5.1): framing, routing, and
/// response control. A client that merges trailers into headers would otherwise read a different response.
pub(super) fn clean_trailers(trailers: &mut HeaderMap) {
    let may_not_come = |name: &HeaderName| {
        matches!(
            name.as_str(),
            "authorization"
                | "cache-control"
                | "connection"
                | "content-encoding"
                | "content-length"
                | "content-range"
                | "content-type"
                | "host"
                | "keep-alive"
                | "location"
                | "max-forwards"
                | "proxy-connection"
                | "set-cookie"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
    };
    let unwanted: SmallVec<[HeaderName; 4]> = trailers.keys().filter(|name| may_not_come(name)).cloned().collect();
    for name in unwanted {
        trailers.remove(name);
    }
}

/// True if a backend's `Upgrade` names a protocol, and only ones in `asked`.
pub(super) fn is_agreed(asked: &HeaderValue, headers: &HeaderMap) -> bool {
    let mut agreed = headers.get_all(UPGRADE).iter().flat_map(|value| tokens(value.as_bytes())).peekable();
    agreed.peek().is_some()
        && agreed.all(|agreed| tokens(asked.as_bytes()).any(|asked| asked.eq_ignore_ascii_case(agreed)))
}

/// True if the client wants to go on with another protocol.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    upgrade_protocol(headers).is_some()
}

/// The value of `Upgrade` if `Connection` names it.
pub(super) fn upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    has_token(headers, &CONNECTION, b"upgrade").then(|| protocol.clone())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| tokens(value.as_bytes()))
        .any(|found| found.eq_ignore_ascii_case(token))
}

/// The headers that concern one connection only. `Host` and `Content-Length` are never among them, even if a
/// `Connection` header names them: without them it would be a different message.
///
/// Most messages have none of them, so this scans the names present instead of looking up each.
fn hop_by_hop(headers: &HeaderMap, request: bool) -> SmallVec<[HeaderName; 4]> {
    let concerns_one_connection = |name: &HeaderName| match name.as_str() {
        "connection"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "transfer-encoding"
        | "upgrade" => true,
        "trailer" => request,
        _ => false,
    };
    headers.keys().filter(|name| concerns_one_connection(name)).cloned().collect()
}

/// Writes `a, b`: several headers are folded into one, as in Go.
fn append_forwarded_for(headers: &mut HeaderMap, client: &HeaderValue) {
    match headers.entry(&X_FORWARDED_FOR) {
        Entry::Vacant(entry) => {
            entry.insert(client.clone());
        }
        Entry::Occupied(mut entry) => {
            let values = entry.iter().chain(std::iter::once(client)).map(HeaderValue::as_bytes);
            let text = values.collect::<Vec<_>>().join(&b", "[..]);
            if let Ok(value) = HeaderValue::from_bytes(&text) {
                entry.insert(value);
            }
        }
    }
}

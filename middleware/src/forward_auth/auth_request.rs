//! The request to the authentication server.

use crate::{Body, Exchange, path};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{Method, Request};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST_ASKED: HeaderName = HeaderName::from_static("x-forwarded-host");
const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// The headers that Traefik manages on the way to backends.
pub(super) const FORWARDED: [HeaderName; 11] = [
    FOR,
    HOST_ASKED,
    METHOD,
    PORT,
    PROTO,
    URI,
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-tls-client-cert"),
    HeaderName::from_static("x-forwarded-tls-client-cert-info"),
    HeaderName::from_static("x-real-ip"),
];

/// Headers of one connection only; `Proxy-Authorization` is for the server (RFC 9110 section 11.7.2).
pub(super) const HOP: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    TE,
    HeaderName::from_static("trailers"),
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers of the request that asks about `exchange`.
///
/// If `trust` is not set, headers of proxies before us are overwritten where we know better, and the rest stays; false
/// removes all of them first, true keeps all of them, and both add missing ones.
pub(super) fn headers(exchange: &Exchange, trust: Option<bool>, allowed: &[HeaderName]) -> HeaderMap {
    let given = &exchange.head.headers;
    let mut headers = if allowed.is_empty() {
        let mut all = given.clone();
        without_hop(&mut all, given);
        all
    } else {
        picked(given, allowed)
    };
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    // The body, if it is sent at all, has been read already.
    headers.remove(EXPECT);
    if trust == Some(false) {
        for name in &FORWARDED {
            headers.remove(name);
            if let Ok(alias) = HeaderName::try_from(name.as_str().replace('-', "_")) {
                headers.remove(alias);
            }
        }
    }
    let known = known(exchange, &headers);
    match trust {
        None => {
            for (name, value) in known.into_iter().filter(|(name, _)| *name != PORT) {
                set(&mut headers, name, &value);
            }
        }
        Some(_) => {
            let mut hops: Vec<&str> = headers.get_all(FOR).iter().filter_map(|value| value.to_str().ok()).collect();
            let client = client(exchange);
            hops.push(&client);
            let hops = hops.join(", ");
            set(&mut headers, FOR, &hops);
            for (name, value) in known.into_iter().filter(|(name, _)| *name != FOR) {
                if !headers.contains_key(&name) {
                    set(&mut headers, name, &value);
                }
            }
        }
    }
    headers
}

/// `Content-Length` as Go's client sends it: for methods that usually have a body, zero too.
pub(super) fn describe_body(request: &mut Request<Body>, len: usize) {
    let has_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    if len > 0 || has_body {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(len));
    }
}

/// The name as Go spells it: `X-Auth-User`.
pub(super) fn canonical(name: &HeaderName) -> String {
    let mut starts = true;
    name.as_str()
        .chars()
        .map(|c| {
            let spelled = if starts { c.to_ascii_uppercase() } else { c };
            starts = c == '-';
            spelled
        })
        .collect()
}

fn without_hop(headers: &mut HeaderMap, given: &HeaderMap) {
    for name in
        given.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','))
    {
        if let Ok(name) = HeaderName::try_from(name.trim()) {
            headers.remove(name);
        }
    }
    for name in HOP.iter().chain([&TRAILER]) {
        headers.remove(name);
    }
}

fn picked(given: &HeaderMap, allowed: &[HeaderName]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(allowed.len() + 8);
    for name in allowed {
        headers.remove(name);
        for value in given.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    without_hop(&mut headers, given);
    headers
}

/// The values that we know ourselves. The port depends on the scheme that the server is told.
fn known(exchange: &Exchange, headers: &HeaderMap) -> [(HeaderName, String); 6] {
    let proto = if exchange.is_tls() { "https" } else { "http" };
    let host = exchange.host();
    let is_secure = exchange.is_tls() || headers.get(PROTO).is_some_and(|said| said == "https" || said == "wss");
    let port = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && (!name.contains(':') || name.ends_with(']')) => port,
        _ if is_secure => "443",
        _ => "80",
    };
    [
        (FOR, client(exchange)),
        (PROTO, proto.to_owned()),
        (METHOD, exchange.head.method.to_string()),
        (PORT, port.to_owned()),
        (HOST_ASKED, host.to_owned()),
        (URI, path::request_uri(exchange).to_owned()),
    ]
}

fn client(exchange: &Exchange) -> String {
    exchange.connection.remote.ip().to_canonical().to_string()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

use super::{AdmitError, Origin, Policy, join, upgrade};
use flow_model::entry_point::AliasStrategy;
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");
const X_FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-scheme");
const X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Headers that only proxies may set, without the common prefix `x-`.
const MANAGED: [&str; 11] = [
    "forwarded-for",
    "forwarded-host",
    "forwarded-method",
    "forwarded-port",
    "forwarded-prefix",
    "forwarded-proto",
    "forwarded-server",
    "forwarded-tls-client-cert",
    "forwarded-tls-client-cert-info",
    "forwarded-uri",
    "real-ip",
];

/// The same, where they are added: elsewhere they are headers like others.
const SCHEMES: [&str; 2] = ["forwarded-scheme", "scheme"];

/// True if only proxies may set the header; `_` counts as `-`, as CGI servers take them for the same.
pub(super) fn is_managed(policy: &Policy, name: &HeaderName) -> bool {
    let Some((b'x', [b'-' | b'_', rest @ ..])) = name.as_str().as_bytes().split_first() else { return false };
    let is = |managed: &&str| {
        managed.len() == rest.len()
            && managed.bytes().zip(rest).all(|(wanted, &byte)| wanted == byte || (wanted == b'-' && byte == b'_'))
    };
    MANAGED.iter().any(is) || (policy.tells_scheme && SCHEMES.iter().any(is))
}

/// Removes (or refuses) headers by their names, all in one pass: forwarded headers of untrusted clients, upgrades to
/// another HTTP, and names that could be taken for others unless the entry point keeps them.
pub(super) fn screen(policy: &Policy, origin: &Origin, headers: &mut HeaderMap) -> Result<(), AdmitError> {
    let mut unwanted: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for name in headers.keys() {
        if upgrade::is_unwanted(name, headers) {
            unwanted.push(name.clone());
        } else if policy.aliases.strategy != AliasStrategy::Keep && policy.aliases.means(name.as_str()) {
            if policy.aliases.strategy == AliasStrategy::Reject {
                return Err(AdmitError::Alias);
            }
            unwanted.push(name.clone());
        } else if !origin.trusted && is_managed(policy, name) {
            unwanted.push(name.clone());
        }
    }
    for name in unwanted {
        headers.remove(name);
    }
    Ok(())
}

/// Sets missing headers. `X-Forwarded-For` becomes one line; the client's address is appended on the way to a backend.
///
/// After [`screen`] no forwarded header of an untrusted client is left, so nothing needs to be looked up.
pub(super) fn set(policy: &Policy, origin: &Origin, headers: &mut HeaderMap) {
    headers.reserve(if policy.tells_scheme { 8 } else { 6 });
    let is_set = |headers: &HeaderMap, name: &HeaderName| {
        origin.trusted && headers.get(name).is_some_and(|value| !value.is_empty())
    };
    let host = headers.get(HOST).filter(|host| !host.is_empty()).cloned();
    if !is_set(headers, &X_REAL_IP) {
        headers.insert(X_REAL_IP, origin.address.clone());
    }
    if !is_set(headers, &X_FORWARDED_PROTO) {
        let proto = match (is_websocket(headers), origin.tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    }
    if policy.tells_scheme
        && let Some(scheme) = headers.get(X_FORWARDED_PROTO).cloned()
    {
        for name in [X_FORWARDED_SCHEME, X_SCHEME] {
            if !is_set(headers, &name) {
                headers.insert(name, scheme.clone());
            }
        }
    }
    if !is_set(headers, &X_FORWARDED_PORT) {
        let port = host.as_ref().and_then(port_in).unwrap_or_else(|| default_port(headers, origin));
        headers.insert(X_FORWARDED_PORT, port);
    }
    if let Some(host) = host
        && !is_set(headers, &X_FORWARDED_HOST)
    {
        headers.insert(X_FORWARDED_HOST, host);
    }
    if let Some(hostname) = &policy.hostname {
        headers.insert(X_FORWARDED_SERVER, hostname.clone());
    }
    if origin.trusted {
        // Some proxies add a line instead of extending the existing one: the list is all lines (RFC 9110 section 5.3),
        // and a backend that reads only the first would read the client's own.
        join(headers, X_FORWARDED_FOR, b", ");
    }
}

/// The port in `Host`.
fn port_in(host: &HeaderValue) -> Option<HeaderValue> {
    let host = host.as_bytes();
    let port = &host[memchr::memrchr(b':', host)? + 1..];
    // An IPv6 address without a port also ends in a colon and something.
    if port.is_empty() || !port.iter().all(u8::is_ascii_digit) || is_bare_ipv6(host) {
        return None;
    }
    Some(HeaderValue::from_bytes(port).unwrap_or(HeaderValue::from_static("")))
}

/// The default port of the scheme.
fn default_port(headers: &HeaderMap, origin: &Origin) -> HeaderValue {
    let secure = || {
        let said = headers.get(X_FORWARDED_PROTO).map(HeaderValue::as_bytes);
        matches!(said, Some(b"https" | b"wss"))
    };
    HeaderValue::from_static(if origin.tls || secure() { "443" } else { "80" })
}

fn is_bare_ipv6(host: &[u8]) -> bool {
    !host.starts_with(b"[") && memchr::memchr_iter(b':', host).nth(1).is_some()
}

fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && headers.get_all(CONNECTION).iter().any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        })
}

//! Headers at this hop: what must not be passed on (RFC 9110 §7.6.1, in the way of Go's ReverseProxy) and what is added.

use flow_middleware::OmitForwardedFor;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, Entry, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Version, response};
use std::io::Write as _;
use std::net::IpAddr;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What happens to `X-Forwarded-For` at this hop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ForwardedFor {
    /// The client's address is appended, unless a middleware has noted [`OmitForwardedFor`].
    #[default]
    Append,
    /// It is passed as it is (`forwardedHeaders.notAppendXForwardedFor`).
    Keep,
}

/// The protocol that a client wants to upgrade to, and its side of the connection.
pub(crate) struct Upgrading {
    pub(crate) protocol: HeaderValue,
    pub(crate) client: hyper::upgrade::OnUpgrade,
}

/// Makes the head of a client's request that of a backend's, except for what depends on the backend.
pub(crate) fn prepare_request(head: &mut Parts, remote: IpAddr, forwarded_for: ForwardedFor) -> Option<Upgrading> {
    let headers = &mut head.headers;
    let upgrading = match upgrade_protocol(headers) {
        Some(protocol) => {
            head.extensions.remove::<hyper::upgrade::OnUpgrade>().map(|client| Upgrading { protocol, client })
        }
        None => None,
    };
    let trailers = headers.get(TE).is_some() && has_token(headers, &TE, b"trailers");
    remove_hop_by_hop(headers);
    headers.remove(TRAILER);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(upgrading) = &upgrading {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, upgrading.protocol.clone());
    }
    if forwarded_for == ForwardedFor::Append && head.extensions.get::<OmitForwardedFor>().is_none() {
        append_forwarded_for(headers, remote);
    }
    if head.version == Version::HTTP_2 {
        join_cookies(headers);
    }
    head.version = Version::HTTP_11;
    // What the server side noted there is for this process only.
    head.extensions.clear();
    upgrading
}

/// Makes the head of a backend's answer that of ours.
pub(crate) fn clean_response(head: &mut response::Parts) {
    // `Trailer` stays: trailers are passed on.
    remove_hop_by_hop(&mut head.headers);
    head.extensions.clear();
    head.version = Version::HTTP_11;
}

/// The value of `Upgrade` where `Connection` names it.
pub(super) fn upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    has_token(headers, &CONNECTION, b"upgrade").then(|| protocol.clone())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Removes what concerns one connection only, and what `Connection` names. `Host` and `Content-Length` are no such
/// headers in HTTP, whatever a `Connection` header says: without them the message would be another.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Entry::Occupied(entry) = headers.entry(CONNECTION) {
        let (_, values) = entry.remove_entry_mult();
        let named: smallvec::SmallVec<[HeaderName; 4]> = values
            .flat_map(|value| tokens(&value).filter_map(named_header).collect::<smallvec::SmallVec<[HeaderName; 2]>>())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in
        [&KEEP_ALIVE, &PROXY_CONNECTION, &PROXY_AUTHENTICATE, &PROXY_AUTHORIZATION, &TE, &TRANSFER_ENCODING, &UPGRADE]
    {
        headers.remove(name);
    }
}

/// A header that `Connection` names and that is still to be removed.
fn named_header(token: &[u8]) -> Option<HeaderName> {
    if token.is_empty() || token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") {
        return None;
    }
    HeaderName::from_bytes(token).ok().filter(|name| name != HOST && name != CONTENT_LENGTH)
}

/// `a, b`: several headers are folded into one, as Go does.
fn append_forwarded_for(headers: &mut HeaderMap, remote: IpAddr) {
    match headers.entry(&X_FORWARDED_FOR) {
        Entry::Vacant(entry) => {
            // The longest address has 45 characters.
            let mut text = [0; 48];
            let mut rest = &mut text[..];
            if write!(rest, "{}", remote.to_canonical()).is_ok() {
                let unused = rest.len();
                if let Ok(value) = HeaderValue::from_bytes(&text[..text.len() - unused]) {
                    entry.insert(value);
                }
            }
        }
        Entry::Occupied(mut entry) => {
            let mut text = entry.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b", "[..]);
            // Writing to a Vec cannot fail.
            let _ = write!(text, ", {}", remote.to_canonical());
            if let Ok(value) = HeaderValue::from_bytes(&text) {
                entry.insert(value);
            }
        }
    }
}

/// HTTP/2 clients may split `Cookie` (RFC 9113 §8.2.3); towards HTTP/1.1 it is one header again.
fn join_cookies(headers: &mut HeaderMap) {
    let Entry::Occupied(mut entry) = headers.entry(COOKIE) else { return };
    if entry.iter().nth(1).is_none() {
        return;
    }
    let joined: Vec<u8> = entry.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        entry.insert(joined);
    }
}

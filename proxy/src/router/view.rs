//! The parts of a request that rules match, borrowed from it.

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use memchr::memchr;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

/// A request as rules match it. Costly parts are computed when the first rule needs them.
#[derive(Debug)]
pub struct RequestView<'a> {
    host: Cow<'a, str>,
    escaped_path: &'a str,
    routing_path: OnceCell<Cow<'a, [u8]>>,
    pub(super) query: &'a str,
    pub(super) method: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) client: IpAddr,
}

impl<'a> RequestView<'a> {
    /// `authority` is the `Host` header or `:authority`, empty if there is none; `path` and `query` are as received,
    /// after normalisation (hexadecimal digits in upper case) and the rewriting of semicolons; `client` is the
    /// connection's peer, or the client named by a PROXY header.
    #[must_use]
    pub fn new(
        authority: &'a str,
        path: &'a str,
        query: Option<&'a str>,
        method: &'a str,
        headers: &'a HeaderMap,
        client: IpAddr,
    ) -> Self {
        Self {
            host: canonical_host(authority),
            escaped_path: path,
            routing_path: OnceCell::new(),
            query: query.unwrap_or_default(),
            method,
            headers,
            client: client.to_canonical(),
        }
    }

    /// The parts of a request, with the host that its `Host` header names.
    #[must_use]
    pub fn of(head: &'a Parts, client: IpAddr) -> Self {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        Self::new(host, head.uri.path(), head.uri.query(), head.method.as_str(), &head.headers, client)
    }

    /// The host in lower case without port; a trailing dot is kept. Empty if the request names none.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The host as `Host` matchers compare it: without a trailing dot.
    pub(super) fn bare_host(&self) -> &str {
        match self.host.strip_suffix('.') {
            Some("") | None => &self.host,
            Some(bare) => bare,
        }
    }

    /// The path with percent-encodings decoded, except those of reserved characters.
    pub(super) fn path(&self) -> &[u8] {
        self.routing_path.get_or_init(|| routing_path(self.escaped_path))
    }
}

/// Traefik's `parseHost` and `CanonicalDomain`: without a port and the brackets of an IPv6 address, in lower case.
pub(crate) fn canonical_host(authority: &str) -> Cow<'_, str> {
    let host = match memchr(b':', authority.as_bytes()) {
        None => authority,
        Some(first) => without_port(authority, first),
    };
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn without_port(authority: &str, first_colon: usize) -> &str {
    let is_port = |text: &str| text.strip_prefix(':').is_some_and(|port| !port.contains(':'));
    if let Some(inner) = authority.strip_prefix('[') {
        return match inner.split_once(']') {
            Some((host, after)) if after.is_empty() || is_port(after) => host,
            _ => authority,
        };
    }
    match authority.split_at_checked(first_colon) {
        // With more than one colon it is an IPv6 address without brackets and without port.
        Some((host, port)) if is_port(port) => host,
        _ => authority,
    }
}

/// True for characters that would change the meaning of a path if decoded: reserved ones (RFC 3986, 2.2) and the
/// percent sign.
fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b':' | b'/'
            | b'?'
            | b'#'
            | b'['
            | b']'
            | b'@'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b'%'
    )
}

fn routing_path(path: &str) -> Cow<'_, [u8]> {
    let path = path.as_bytes();
    let Some(first) = memchr(b'%', path) else { return Cow::Borrowed(path) };
    let (before, mut rest) = path.split_at(first);
    let mut out = Vec::with_capacity(path.len());
    out.extend_from_slice(before);
    while let Some((&byte, after)) = rest.split_first() {
        match super::query::hex_pair(after).filter(|_| byte == b'%') {
            Some(decoded) if !is_reserved(decoded) => {
                out.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_port_and_case() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("Example.COM:8443", "example.com"),
            ("example.com.:80", "example.com."),
            ("example.com:", "example.com"),
            ("[2001:DB8::1]:80", "2001:db8::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("[::1", "[::1"),
            ("[::1]x", "[::1]x"),
            ("a:b:c", "a:b:c"),
            (":80", ""),
            ("", ""),
        ] {
            assert_eq!(canonical_host(authority), host, "{authority}");
        }
        assert!(matches!(canonical_host("example.com:80"), Cow::Borrowed(_)), "nothing is allocated");
    }

    #[test]
    fn paths_keep_reserved_escapes() {
        for (path, decoded) in [
            ("/plain", "/plain"),
            ("/foo%20bar", "/foo bar"),
            ("/%61%62", "/ab"),
            ("/a%2Fb%2fc", "/a%2Fb%2fc"),
            ("/%25%32%35", "/%2525"),
            (
                "/%3A%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D",
                "/%3A%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D",
            ),
            ("/%C3%A9", "/\u{e9}"),
            ("/%zz%4", "/%zz%4"),
        ] {
            assert_eq!(routing_path(path), decoded.as_bytes(), "{path}");
        }
        assert_eq!(&*routing_path("/%ff"), b"/\xff");
        assert!(matches!(routing_path("/plain"), Cow::Borrowed(_)), "nothing is allocated");
    }
}

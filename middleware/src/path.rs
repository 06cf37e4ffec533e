//! The request's path as Go's `net/url` sees it: a decoded `Path`, and the way it was escaped where that is not Go's own.
//!
//! Traefik's middlewares compare the decoded path and keep the escaped one beside it. Here the URI holds the escaped
//! path only; what Go would send is computed from both (`URL.EscapedPath`).

use crate::Exchange;
use http::Uri;
use http::uri::PathAndQuery;
use std::borrow::Cow;

/// The path became empty: Go tells it from `/` until the request is sent, so a prefix added later has no `/` behind it.
#[derive(Clone, Copy, Debug)]
struct EmptyPath;

/// The query as the client wrote it, kept if semicolons in it were rewritten: redirects use the original.
#[derive(Clone, Debug)]
pub struct WrittenQuery(pub Box<str>);

/// A `%` without two hexadecimal digits, worded as Go's `url.EscapeError`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid URL escape {0:?}")]
pub(crate) struct BadEscape(String);

/// The escaped path of the request; empty after a middleware removed all of it.
pub(crate) fn current(exchange: &Exchange) -> &str {
    match exchange.head.uri.path() {
        "/" if exchange.head.extensions.get::<EmptyPath>().is_some() => "",
        path => path,
    }
}

/// Path and query as Go's `URL.RequestURI` has them.
pub(crate) fn request_uri(exchange: &Exchange) -> &str {
    exchange.head.uri.path_and_query().map_or("/", PathAndQuery::as_str)
}

/// The same, with the query as the client wrote it (Go's `Request.RequestURI`) as long as nothing has changed the path.
pub(crate) fn written_uri(exchange: &Exchange) -> Cow<'_, str> {
    match exchange.head.extensions.get::<WrittenQuery>() {
        Some(WrittenQuery(query)) => Cow::Owned([exchange.head.uri.path(), "?", query].concat()),
        None => Cow::Borrowed(request_uri(exchange)),
    }
}

/// Replaces the request's path by the escaped `path`; the query stays.
pub(crate) fn replace(exchange: &mut Exchange, path: &str) {
    let uri = &exchange.head.uri;
    let query = uri.query();
    let slash = usize::from(!path.starts_with('/'));
    // The exact capacity, so that conversion to shared bytes does not allocate again.
    let mut target = String::with_capacity(slash + path.len() + query.map_or(0, |q| q.len() + 1));
    if slash == 1 {
        target.push('/');
    }
    target.push_str(path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    // Everything that needs escaping is escaped by now; if a byte is left that no URI may hold, the path stays.
    if let Ok(target) = PathAndQuery::try_from(target) {
        if !exchange.head.extensions.is_empty() {
            exchange.head.extensions.remove::<WrittenQuery>();
            exchange.head.extensions.remove::<EmptyPath>();
        }
        if path.is_empty() {
            exchange.head.extensions.insert(EmptyPath);
        }
        exchange.head.uri = Uri::from(target);
    }
}

/// Go's `URL.EscapedPath` for a URL whose `Path` is `path` and whose `RawPath` is `raw`.
pub(crate) fn escaped<'a>(path: &[u8], raw: &'a str) -> Cow<'a, str> {
    if !raw.is_empty() && is_valid(raw) && unescape(raw).is_ok_and(|decoded| *decoded == *path) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(escape(path))
}

/// The form in which Go would send the escaped path `raw` after `URL.setPath`.
///
/// # Errors
/// If an escape is broken.
pub(crate) fn sent(raw: &str) -> Result<Cow<'_, str>, BadEscape> {
    let decoded = unescape(raw)?;
    Ok(if is_valid(raw) { Cow::Borrowed(raw) } else { Cow::Owned(escape(&decoded)) })
}

/// The form in which Go would send the fragment `raw` (without its `#`) after `URL.setFragment`.
///
/// # Errors
/// If an escape is broken.
pub(crate) fn sent_fragment(raw: &str) -> Result<Cow<'_, str>, BadEscape> {
    let decoded = unescape(raw)?;
    let stays = |byte: u8| !needs_escape(byte) || matches!(byte, b'!' | b'(' | b')' | b'*' | b'?');
    if raw.bytes().all(|byte| stays(byte) || matches!(byte, b'\'' | b'[' | b']' | b'%')) {
        return Ok(Cow::Borrowed(raw));
    }
    Ok(Cow::Owned(escape_but(&decoded, stays)))
}

/// True if nothing in `raw` is escaped or needs it: decoded and escaped path are the same.
pub(crate) fn is_plain(raw: &str) -> bool {
    raw.bytes().all(|byte| !needs_escape(byte))
}

/// The decoded form.
///
/// # Errors
/// If an escape is broken.
pub(crate) fn unescape(raw: &str) -> Result<Cow<'_, [u8]>, BadEscape> {
    let bytes = raw.as_bytes();
    let Some(first) = memchr::memchr(b'%', bytes) else { return Ok(Cow::Borrowed(bytes)) };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut rest = &bytes[first..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(digit(*high) << 4 | digit(*low));
                after
            }
            (b'%', _) => {
                let shown = &rest[..rest.len().min(3)];
                return Err(BadEscape(String::from_utf8_lossy(shown).into_owned()));
            }
            _ => {
                decoded.push(byte);
                after
            }
        };
    }
    Ok(Cow::Owned(decoded))
}

/// Go's `url.escape` for paths.
pub(crate) fn escape(path: &[u8]) -> String {
    escape_but(path, |byte| !needs_escape(byte))
}

fn escape_but(path: &[u8], stays: impl Fn(u8) -> bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        if !stays(byte) {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        } else {
            text.push(char::from(byte));
        }
    }
    text
}

/// True if Go's `URL.JoinPath` would keep the escaped path: it holds no `.`, `..` or empty segment.
pub(crate) fn is_clean(escaped: &str) -> bool {
    let inner = escaped.strip_prefix('/').unwrap_or(escaped);
    if inner.is_empty() {
        return true;
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    inner.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// The number of bytes in the escaped `raw` that the first `decoded` bytes of the decoded path take.
pub(crate) fn escaped_len(raw: &str, decoded: usize) -> usize {
    let bytes = raw.as_bytes();
    let mut at = 0;
    for _ in 0..decoded {
        match bytes.get(at) {
            Some(b'%') if at + 2 < bytes.len() => at += 3,
            Some(_) => at += 1,
            None => break,
        }
    }
    at
}

/// Go's `shouldEscape` in mode `encodePath`.
fn needs_escape(byte: u8) -> bool {
    !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~')
        && !matches!(byte, b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@')
}

/// Go's `validEncoded` in mode `encodePath`.
fn is_valid(raw: &str) -> bool {
    raw.bytes()
        .all(|byte| !needs_escape(byte) || matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'%'))
}

fn digit(hex: u8) -> u8 {
    char::from(hex).to_digit(16).map_or(0, |value| value as u8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::exchange;

    #[test]
    fn decodes_and_names_a_broken_escape() {
        assert_eq!(&*unescape("/a%20b%2Fc%ff").unwrap(), b"/a b/c\xff");
        assert!(matches!(unescape("/plain"), Ok(Cow::Borrowed(_))));
        assert_eq!(unescape("/a%zzb").unwrap_err().to_string(), r#"invalid URL escape "%zz""#);
        assert_eq!(unescape("/a%4").unwrap_err().to_string(), r#"invalid URL escape "%4""#);
    }

    #[test]
    fn keeps_an_escaping_that_holds_and_replaces_one_that_does_not() {
        assert_eq!(escaped(b"/a/b", "/a%2Fb"), "/a%2Fb");
        assert_eq!(escaped(b"/a/b", "/x%2Fb"), "/a/b");
        assert_eq!(escaped("/é ?".as_bytes(), ""), "/%C3%A9%20%3F");
        assert_eq!(sent("/a(b)!").unwrap(), "/a(b)!");
        assert_eq!(sent("/a\"b").unwrap(), "/a%22b");
        assert!(sent("/%").is_err());
    }

    #[test]
    fn knows_a_clean_path() {
        for clean in ["", "/", "/a", "/a/", "/a/b", "/a%2F..%2Fb", "/...", "/.a"] {
            assert!(is_clean(clean), "{clean}");
        }
        for unclean in ["//", "/a//b", "/a//", "/..", "/../a", "/a/..", "/a/./b", "/."] {
            assert!(!is_clean(unclean), "{unclean}");
        }
    }

    #[test]
    fn counts_escaped_bytes() {
        assert_eq!(escaped_len("/a%20b/c", 4), 6);
        assert_eq!(escaped_len("/a", 9), 2);
        assert_eq!(escaped_len("/%2", 2), 2);
    }

    #[test]
    fn an_empty_path_is_remembered_until_another_comes() {
        let mut exchange = exchange("GET", "/api?x=1");
        replace(&mut exchange, "");
        assert_eq!((current(&exchange), request_uri(&exchange)), ("", "/?x=1"));
        replace(&mut exchange, "/y");
        assert_eq!((current(&exchange), request_uri(&exchange)), ("/y", "/y?x=1"));
        replace(&mut exchange, "/");
        assert_eq!(current(&exchange), "/");
    }

    #[test]
    fn an_empty_query_stays() {
        let mut exchange = exchange("GET", "/a?");
        replace(&mut exchange, "/b");
        assert_eq!(request_uri(&exchange), "/b?");
    }
}

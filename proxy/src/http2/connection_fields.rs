//! Fields about a connection, which HTTP/2 messages do not have.

use crate::connection_fields::remove;
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

/// Removes what HTTP/2 does not allow (RFC 9113 section 8.2.2). Few messages have any, so the names are looked through
/// instead of looking up each.
pub(crate) fn remove_connection_fields(headers: &mut HeaderMap) {
    let is_forbidden = |name: &HeaderName| {
        matches!(
            name.as_str(),
            "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade"
        )
    };
    let forbidden: SmallVec<[HeaderName; 4]> = headers.keys().filter(|name| is_forbidden(name)).cloned().collect();
    remove(headers, forbidden);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn nothing_about_connections_is_left() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Named"),
            ("x-named", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-kept", "1"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_connection_fields(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}

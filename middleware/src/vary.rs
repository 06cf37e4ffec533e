//! `Vary` as Traefik's middlewares leave it: written before the backend's own lines come, and into the first line.

use http::header::{HeaderMap, HeaderValue, VARY};

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const BOTH: HeaderValue = HeaderValue::from_static("Accept-Encoding,Origin");

/// Notes that the response depends on `Accept-Encoding`.
pub(crate) fn by_encoding(headers: &mut HeaderMap) {
    if headers.get(VARY).is_none_or(|first| *first != BOTH) {
        put_first(headers, ACCEPT_ENCODING);
    }
}

/// Notes that the response depends on `Origin`, joined to the first line without a space; a line that is just `Origin`
/// stays. `encoded`: a middleware further out calls [`by_encoding`], which owns the first line.
pub(crate) fn by_origin(headers: &mut HeaderMap, encoded: bool) {
    if encoded {
        return put_first(headers, BOTH);
    }
    match headers.get_mut(VARY) {
        Some(first) if first == "Origin" => {}
        Some(first) if !first.is_empty() => {
            if let Ok(joined) = HeaderValue::from_bytes(&[first.as_bytes(), b",Origin"].concat()) {
                *first = joined;
            }
        }
        _ => {
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// Puts `value` before the existing lines.
fn put_first(headers: &mut HeaderMap, value: HeaderValue) {
    let others: Vec<HeaderValue> = headers.get_all(VARY).iter().cloned().collect();
    headers.insert(VARY, value);
    for other in others {
        headers.append(VARY, other);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn lines(given: &[&'static str], change: impl Fn(&mut HeaderMap)) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in given {
            headers.append(VARY, HeaderValue::from_static(line));
        }
        change(&mut headers);
        headers.get_all(VARY).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_encoding_stands_first() {
        assert_eq!(lines(&[], by_encoding), ["Accept-Encoding"]);
        assert_eq!(lines(&["Accept", "Cookie"], by_encoding), ["Accept-Encoding", "Accept", "Cookie"]);
    }

    #[test]
    fn the_origin_joins_the_first_line() {
        let origin = |headers: &mut HeaderMap| by_origin(headers, false);
        assert_eq!(lines(&[], origin), ["Origin"]);
        assert_eq!(lines(&[""], origin), ["Origin"]);
        assert_eq!(lines(&["Origin", "Cookie"], origin), ["Origin", "Cookie"]);
        assert_eq!(lines(&["Accept", "Cookie"], origin), ["Accept,Origin", "Cookie"]);
    }

    #[test]
    fn both_are_one_line_whichever_is_outside() {
        let compress_outside = |headers: &mut HeaderMap| {
            by_origin(headers, true);
            by_encoding(headers);
        };
        let compress_inside = |headers: &mut HeaderMap| {
            by_encoding(headers);
            by_origin(headers, false);
        };
        for given in [&[][..], &["Cookie"], &["Origin"]] {
            let wanted = [&["Accept-Encoding,Origin"], given].concat();
            assert_eq!(lines(given, compress_outside), wanted);
            assert_eq!(lines(given, compress_inside), wanted);
        }
    }
}

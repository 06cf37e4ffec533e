//! Validators of compressed responses (RFC 9110 section 8.8).
//!
//! A strong tag says that two responses are the same byte for byte, which a plain and a compressed one are not: a
//! client that has half of one would complete it by a range of the other. So a compressed response has a weak tag. A
//! that changes what it read sends that tag back in `If-Match`, which a weak tag never matches, so it is made strong
//! again, as the backend sent it. `If-None-Match` compares weakly and needs nothing.

use http::HeaderMap;
use http::header::{ETAG, HeaderValue, IF_MATCH};

/// Makes the response's tag weak.
pub(super) fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get_mut(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")) else { return };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        *tag = weak;
    }
}

/// Makes the tags in the request's `If-Match` strong.
pub(super) fn strengthen(headers: &mut HeaderMap) {
    if !headers.contains_key(IF_MATCH) {
        return;
    }
    let lines: Vec<_> = headers.get_all(IF_MATCH).iter().map(|line| strong(line.as_bytes())).collect();
    if lines.iter().all(Option::is_none) {
        return;
    }
    let values = headers.get_all(IF_MATCH).iter().zip(lines).map(|(old, new)| new.unwrap_or_else(|| old.clone()));
    let values: Vec<_> = values.collect();
    headers.remove(IF_MATCH);
    for value in values {
        headers.append(IF_MATCH, value);
    }
}

/// The list without the `W/` before its tags; `None` if there is no `W/`.
fn strong(list: &[u8]) -> Option<HeaderValue> {
    let (mut out, mut inside) = (Vec::with_capacity(list.len()), false);
    let mut rest = list;
    while let Some((&byte, after)) = rest.split_first() {
        if !inside && let Some(tag) = rest.strip_prefix(b"W/").filter(|tag| tag.starts_with(b"\"")) {
            rest = tag;
            continue;
        }
        inside ^= byte == b'"';
        out.push(byte);
        rest = after;
    }
    if out.len() == list.len() { None } else { HeaderValue::from_bytes(&out).ok() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tags_become_weak_and_strong_again() {
        for (tag, weak) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\""), ("bare", "bare")] {
            let mut headers = HeaderMap::new();
            headers.insert(ETAG, tag.parse().unwrap());
            weaken(&mut headers);
            assert_eq!(headers[ETAG], weak, "{tag}");
        }
        for (list, wanted) in [
            ("W/\"a\"", "\"a\""),
            ("W/\"a\", \"b\",W/\"c\"", "\"a\", \"b\",\"c\""),
            ("\"W/\", \"xW/\"", "\"W/\", \"xW/\""),
            ("*", "*"),
            ("W/", "W/"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(IF_MATCH, "\"first\"".parse().unwrap());
            headers.append(IF_MATCH, list.parse().unwrap());
            strengthen(&mut headers);
            assert_eq!(headers.get_all(IF_MATCH).iter().collect::<Vec<_>>(), ["\"first\"", wanted], "{list}");
        }
    }
}

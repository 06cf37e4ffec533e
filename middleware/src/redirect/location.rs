//! A URL in the form that Go gives it by parsing and printing (`url.Parse`, `URL.String`).

use crate::path;
use std::borrow::Cow;

/// `url` with everything escaped that Go escapes; `None` if Go does not accept it as a URL.
pub(super) fn encoded(url: &str) -> Option<Cow<'_, str>> {
    if url.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    let (rest, fragment) = split(url, '#');
    let (rest, query) = split(rest, '?');
    let (origin, path) = match rest.find("://") {
        Some(at) => {
            let authority = &rest[at + 3..];
            rest.split_at(at + 3 + authority.find('/').unwrap_or(authority.len()))
        }
        None => ("", rest),
    };
    if origin.contains(' ') || !port_is_number(origin) {
        return None;
    }
    let path_sent = path::sent(path).ok()?;
    let fragment_sent = path::sent_fragment(fragment.strip_prefix('#').unwrap_or_default()).ok()?;
    let scheme = &origin[..origin.find(':').unwrap_or_default()];
    let stays = !scheme.bytes().any(|byte| byte.is_ascii_uppercase()) && fragment != "#";
    if stays && matches!((&path_sent, &fragment_sent), (Cow::Borrowed(_), Cow::Borrowed(_))) {
        return Some(Cow::Borrowed(url));
    }
    // An empty fragment is dropped.
    let mark = if fragment_sent.is_empty() { "" } else { "#" };
    let parts = [&scheme.to_ascii_lowercase(), &origin[scheme.len()..], &path_sent, query, mark, &fragment_sent];
    Some(Cow::Owned(parts.concat()))
}

/// The text before `mark`, and the rest from `mark` on.
fn split(text: &str, mark: char) -> (&str, &str) {
    text.split_at(text.find(mark).unwrap_or(text.len()))
}

fn port_is_number(origin: &str) -> bool {
    let host = origin.rsplit_once('@').map_or(origin, |(_, host)| host);
    let host = host.rsplit_once("://").map_or(host, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((before, port)) if !before.contains('[') || before.ends_with(']') => {
            port.bytes().all(|b| b.is_ascii_digit())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_the_path_and_leaves_the_query() {
        for (url, wanted) in [
            ("https://a.test/x?y=a b", Some("https://a.test/x?y=a b")),
            ("https://a.test/a b/é", Some("https://a.test/a%20b/%C3%A9")),
            ("https://[::1]:8443/", Some("https://[::1]:8443/")),
            ("https://[::1]/", Some("https://[::1]/")),
            ("/only/path", Some("/only/path")),
            ("https://a.test", Some("https://a.test")),
            ("https://a.test/#/a%2Fb?c=d", Some("https://a.test/#/a%2Fb?c=d")),
            ("https://a.test/?q#a b%20é", Some("https://a.test/?q#a%20b%20%C3%A9")),
            ("https://a.test/x#", Some("https://a.test/x")),
            ("/only/path#part", Some("/only/path#part")),
            ("HTTPS://A.Test/X", Some("https://A.Test/X")),
            ("https://a.test/#%zz", None),
            ("https://a.test:x/", None),
            ("https://a.test/%zz", None),
            ("https://a.test/\n", None),
        ] {
            assert_eq!(encoded(url).as_deref(), wanted, "{url}");
        }
    }
}

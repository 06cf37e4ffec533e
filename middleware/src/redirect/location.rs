//! A URL as Go writes it after reading it (`url.Parse`, `URL.String`).

use crate::path;
use std::borrow::Cow;

/// `url` with everything escaped that Go escapes; `None` where Go takes it for no URL.
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
    let sent = path::sent(path).ok()?;
    let fragment_sent = path::sent(fragment).ok()?;
    if matches!((&sent, &fragment_sent), (Cow::Borrowed(_), Cow::Borrowed(_))) {
        return Some(Cow::Borrowed(url));
    }
    Some(Cow::Owned([origin, &sent, query, &fragment_sent].concat()))
}

/// The text before `mark`, and the rest with it.
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
            ("https://a.test:x/", None),
            ("https://a.test/%zz", None),
            ("https://a.test/\n", None),
        ] {
            assert_eq!(encoded(url).as_deref(), wanted, "{url}");
        }
    }
}

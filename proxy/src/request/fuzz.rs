//! Properties of the normal form of paths that hold for any path.

use super::path::rewrite;
use http::uri::PathAndQuery;

/// Normalizes a path: the normal form is a path, is its own normal form, and has no dots or double slashes left.
pub(crate) fn path(data: &[u8]) {
    let Ok(target) = PathAndQuery::try_from(data) else { return };
    for sanitize in [false, true] {
        let Ok(normal) = rewrite(target.path(), sanitize) else { continue };
        let normal = normal.as_deref().unwrap_or_else(|| target.path());
        assert!(PathAndQuery::try_from(normal).is_ok_and(|target| target.path() == normal), "{normal}");
        assert!(rewrite(normal, sanitize).is_ok_and(|again| again.is_none_or(|again| again == normal)), "{normal}");
        if sanitize && normal.starts_with('/') {
            let inner = normal.strip_suffix('/').unwrap_or(normal);
            let bad = inner.split('/').skip(1).find(|segment| matches!(*segment, "" | "." | ".."));
            assert_eq!(bad, None, "{normal}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const TOKENS: &[&str] = &[
        "/", "/", ".", "..", "%2e", "%2F", "%5c", "%", "%zz", "%25", "a", "~", "\u{e9}", ";", "?", "*", "|", "[",
        "%c3%A9",
    ];

    proptest! {
        #[test]
        fn the_normal_form_of_likely_paths_is_normal(tokens in vec(select(TOKENS), 0..14)) {
            path(format!("/{}", tokens.concat()).as_bytes());
        }

        #[test]
        fn the_normal_form_of_any_path_is_normal(text in "[!-~\u{fc}]{0,40}") {
            path(text.as_bytes());
        }
    }
}

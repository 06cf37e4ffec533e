//! Escaping in queries as Go's `url.QueryEscape`, which differs from the URL standard's in `*` and `~`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// Escapes `text` for a query.
pub(crate) fn escape(text: &[u8]) -> String {
    // A plus of the text itself is escaped, so that those in the result are spaces.
    percent_encode(text, RESERVED).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_go_leaves_is_left() {
        assert_eq!(escape("aZ09-_.~ +*/?&=%,;\"é".as_bytes()), "aZ09-_.~+%2B%2A%2F%3F%26%3D%25%2C%3B%22%C3%A9");
    }
}

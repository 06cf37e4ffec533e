//! `Connection` and the fields that it names (RFC 9110 section 7.6.1).

use http::header::{CONNECTION, CONTENT_LENGTH, Entry, HOST, HeaderMap, HeaderName};
use smallvec::SmallVec;

/// The members of a list.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Removes these headers, and those named by `Connection` if it is among them.
pub(crate) fn remove(headers: &mut HeaderMap, names: SmallVec<[HeaderName; 4]>) {
    for name in names {
        if name == CONNECTION
            && let Entry::Occupied(entry) = headers.entry(CONNECTION)
        {
            let (_, values) = entry.remove_entry_mult();
            let named: SmallVec<[HeaderName; 4]> = values
                .flat_map(|value| {
                    tokens(value.as_bytes()).filter_map(named_header).collect::<SmallVec<[HeaderName; 2]>>()
                })
                .collect();
            for name in named {
                headers.remove(name);
            }
        } else {
            headers.remove(name);
        }
    }
}

/// The header that `Connection` names, if it is still to be removed.
fn named_header(token: &[u8]) -> Option<HeaderName> {
    if token.is_empty() || token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") {
        return None;
    }
    HeaderName::from_bytes(token).ok().filter(|name| name != HOST && name != CONTENT_LENGTH)
}

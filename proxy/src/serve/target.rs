//! Escapes bytes of a request's target that no URI may hold (RFC 3986 section 2), but that clients send: curl sends the
//! quotes of a query as they are. hyper refuses them, or cuts the target off at a `#`. Traefik takes them, and escapes
//! those of a path as it passes them on. Here they are escaped before hyper reads them, in a query as well.

use percent_encoding::percent_encode_byte;

/// True for a `#` in the path of a request line: Traefik's `denyFragment` refuses it, as it would change the meaning.
pub(super) fn has_fragment(line: &[u8]) -> bool {
    let target = line.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
    memchr::memchr2(b'#', b'?', target).is_some_and(|at| target.get(at) == Some(&b'#'))
}

/// True if hyper does not accept the byte everywhere in a target.
const fn is_unfit(byte: u8) -> bool {
    matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`')
}

/// Adds the indexes of bytes to escape in the request line that goes on with `bytes` after `before`; `start` is the
/// index of the first of `bytes`.
pub(super) fn find_unfit(before: &[u8], bytes: &[u8], start: usize, unfit: &mut Vec<usize>) {
    let line = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    let target = if before.contains(&b' ') { Some(0) } else { memchr::memchr(b' ', line) };
    let Some((target, text)) = target.and_then(|at| Some((at, line.get(at..)?))) else { return };
    // Nearly all targets are plain: all bytes are checked first, as that is vectorized.
    if !text.iter().fold(false, |found, byte| found | (is_unfit(*byte) | !byte.is_ascii())) {
        return;
    }
    let is_text = std::str::from_utf8(text).is_ok();
    let indexes = text.iter().enumerate().filter(|(_, byte)| is_unfit(**byte) || (!is_text && !byte.is_ascii()));
    unfit.extend(indexes.map(|(at, _)| start + target + at));
}

/// The replacement for `bytes` from the first index in `unfit` on.
pub(super) fn escape(bytes: &[u8], unfit: &[usize]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(bytes.len() + 2 * unfit.len());
    let mut indexes = unfit.iter().peekable();
    for (at, &byte) in bytes.iter().enumerate().skip(unfit.first().copied().unwrap_or(bytes.len())) {
        if indexes.next_if_eq(&&at).is_some() {
            rest.extend_from_slice(percent_encode_byte(byte).as_bytes());
        } else {
            rest.push(byte);
        }
    }
    rest
}

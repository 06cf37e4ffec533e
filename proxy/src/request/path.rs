//! Normalizes paths, so that equivalent ones are equal (RFC 3986 section 6.2.2).

use super::AdmitError;
use percent_encoding::percent_encode_byte;

/// The normal form of `path`, or `None` if it is normal already: escapes of unreserved characters decoded, the others
/// in upper case, characters not allowed in a path escaped, and, with `sanitize`, dots and double slashes resolved.
pub(super) fn rewrite(path: &str, sanitize: bool) -> Result<Option<String>, AdmitError> {
    let look = look(path.as_bytes());
    let unclean = sanitize && look.segments;
    if !look.escapes && !unclean {
        return Ok(None);
    }
    let normal = if look.escapes { normalize(path)? } else { path.to_owned() };
    if sanitize {
        return Ok(Some(clean(&normal)));
    }
    Ok(Some(normal))
}

/// The findings of one pass over a path.
struct Look {
    /// A `%`, or a character that must be escaped.
    escapes: bool,
    /// A `//`, or a segment that begins with a dot.
    segments: bool,
}

fn look(path: &[u8]) -> Look {
    let mut look = Look { escapes: false, segments: false };
    let mut previous = 0;
    for &byte in path {
        look.segments |= previous == b'/' && (byte == b'/' || byte == b'.');
        look.escapes |= !is_literal(byte);
        previous = byte;
    }
    look
}

/// True if the byte may stand unescaped in a path: Go's `validEncoded`, without the `%`.
const fn is_literal(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'['
                | b']'
                | b'/'
        )
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn normalize(path: &str) -> Result<String, AdmitError> {
    let mut out = String::with_capacity(path.len() + 8);
    let escape = |out: &mut String, byte| out.push_str(percent_encode_byte(byte));
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next().and_then(digit), bytes.next().and_then(digit)) else {
                return Err(AdmitError::Escape);
            };
            let byte = high << 4 | low;
            if is_unreserved(byte) { out.push(char::from(byte)) } else { escape(&mut out, byte) }
        } else if is_literal(byte) {
            out.push(char::from(byte));
        } else {
            escape(&mut out, byte);
        }
    }
    Ok(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Go's `path.Clean` of an absolute path, but a slash at the end is kept.
fn clean(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len());
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            name => {
                out.push('/');
                out.push_str(name);
            }
        }
    }
    if out.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    out
}

//! Texts from clients in lines: they cannot begin a line, end a field or control a terminal.

use std::borrow::Cow;
use std::io::Write as _;

/// Appends `text` in quotes, `-` for none.
pub(super) fn quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    within_quotes(line, if text.is_empty() { "-" } else { text });
    line.push(b'"');
}

/// Appends the text between quotes.
pub(super) fn within_quotes(line: &mut Vec<u8>, text: &str) {
    escape(line, text, |c| matches!(c, '"' | '\\'));
}

/// Appends a field that ends with a space, `-` for none. Brackets enclose the times of a line.
pub(super) fn bare(line: &mut Vec<u8>, text: &str) {
    escape(line, if text.is_empty() { "-" } else { text }, |c| {
        c.is_whitespace() || matches!(c, '"' | '\\' | '[' | ']')
    });
}

/// A list as one word: spaces after its commas would end the field.
pub(super) fn without_spaces(list: &str) -> Cow<'_, str> {
    if !list.contains(", ") {
        return Cow::Borrowed(list);
    }
    Cow::Owned(list.split(',').map(str::trim_ascii).collect::<Vec<_>>().join(","))
}

/// Writes quotes and backslashes as `\"` and `\\`, other `special` and [unprintable](is_unprintable) characters as `\x`
/// and two digits a byte, like nginx and Apache.
fn escape(line: &mut Vec<u8>, text: &str, special: impl Fn(char) -> bool) {
    for c in text.chars() {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        match c {
            '"' | '\\' if special(c) => line.extend_from_slice(&[b'\\', bytes[0]]),
            c if special(c) || is_unprintable(c) => {
                for byte in bytes {
                    // Writing to memory cannot fail.
                    let _ = write!(line, "\\x{byte:02x}");
                }
            }
            _ => line.extend_from_slice(bytes),
        }
    }
}

/// Escapes what JSON does not, from index `start` of `line` on, which is a JSON text.
pub(super) fn tame_json(line: &mut Vec<u8>, start: usize) {
    let Some(text) = line.get(start..).filter(|text| text.iter().any(|byte| *byte >= 0x7f)) else { return };
    let text = String::from_utf8_lossy(text).into_owned();
    if !text.contains(is_unprintable) {
        return;
    }
    line.truncate(start);
    for c in text.chars() {
        if is_unprintable(c) {
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// True for control characters, line ends of any reader, and changes of writing direction. None is beyond U+FFFF.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

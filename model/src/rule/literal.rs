//! Go's string literals: in backticks as they stand, in double quotes with escape sequences.

use super::error::RuleProblem;

/// Reads the literal at the start of `text`: its length there, and its value. Errors carry an offset into `text`.
pub(super) fn read(text: &str) -> Result<(usize, String), (usize, RuleProblem)> {
    if let Some(raw) = text.strip_prefix('`') {
        let length = raw.find('`').ok_or((0, RuleProblem::Unterminated { quote: "backtick" }))?;
        // Go leaves carriage returns out of raw strings.
        return Ok((length + 2, raw.get(..length).unwrap_or_default().replace('\r', "")));
    }
    let unterminated = || (0, RuleProblem::Unterminated { quote: "double quote" });
    let mut value = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let at = text.len() - rest.len();
        let c = rest.chars().next().ok_or_else(unterminated)?;
        match c {
            '"' => {
                let value = String::from_utf8(value).map_err(|_| (0, RuleProblem::Utf8))?;
                return Ok((at + 1, value));
            }
            '\n' => return Err(unterminated()),
            '\\' => {
                let length = escape(rest, &mut value).ok_or_else(|| {
                    let sequence = rest.chars().take(2).collect();
                    (at, RuleProblem::Escape { sequence })
                })?;
                rest = rest.get(length..).unwrap_or_default();
            }
            _ => {
                value.extend_from_slice(rest.get(..c.len_utf8()).unwrap_or_default().as_bytes());
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
}

/// Resolves the escape sequence at the start of `text`; returns its length.
fn escape(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let kind = text.chars().nth(1)?;
    let number = |from: usize, length: usize, radix: u32| {
        let digits = text.get(from..from + length)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        u32::from_str_radix(digits, radix).ok()
    };
    let plain = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        '0'..='7' => {
            out.push(u8::try_from(number(1, 3, 8)?).ok()?);
            return Some(4);
        }
        'x' => {
            out.push(u8::try_from(number(2, 2, 16)?).ok()?);
            return Some(4);
        }
        'u' | 'U' => {
            let length = if kind == 'u' { 4 } else { 8 };
            let c = char::from_u32(number(2, length, 16)?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(2 + length);
        }
        _ => return None,
    };
    out.push(plain);
    Some(2)
}

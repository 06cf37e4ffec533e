//! Query parameters, read in place.

use std::borrow::Cow;

/// The decoded values of a parameter in order. Like Go's `url.ParseQuery`, it skips pairs with broken escapes; `;`
/// separates pairs like `&`, as Traefik rewrites it before routing.
pub(super) fn values<'a>(query: &'a str, key: &'a str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    query.split(['&', ';']).filter(|pair| !pair.is_empty()).filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if *decode(name)? == *key.as_bytes() { decode(value) } else { None }
    })
}

fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                out.push(hex_pair(after)?);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => out.push(byte),
        }
    }
    Some(Cow::Owned(out))
}

/// The byte written as two hexadecimal digits at the start of `text`.
pub(super) fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*text.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_and_decodes_values() {
        for (query, key, wanted) in [
            ("a=1&b=2&a=3", "a", &["1", "3"][..]),
            ("a=1;a=2", "a", &["1", "2"]),
            ("a&a=&b", "a", &["", ""]),
            ("a=x+y%20z%2B", "a", &["x y z+"]),
            ("%61=1&a%20b=2", "a", &["1"]),
            ("a+b=1", "a b", &["1"]),
            ("a+b=1", "a+b", &[]),
            ("a%2Bb=1", "a+b", &["1"]),
            ("a=%zz&a=%4&a=1&%zz=a", "a", &["1"]),
            ("=1&&", "", &["1"]),
            ("A=1", "a", &[]),
            ("", "a", &[]),
            ("a=1=2", "a", &["1=2"]),
        ] {
            let found: Vec<_> = values(query, key).map(|v| String::from_utf8_lossy(&v).into_owned()).collect();
            assert_eq!(found, wanted, "{query} {key}");
        }
    }
}

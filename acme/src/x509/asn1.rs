//! Writing of DER (X.690), of which certificates, signing requests and key stores consist.
//!
//! The crates in the tree write types of their own, and lose what those do not hold: several values of an attribute, the
//! form of a string. A name must be repeated byte by byte, or a chain breaks.

use jiff::Timestamp;
use pkcs8::ObjectIdentifier;

/// Tags of universal types.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Returns a value with its tag and its length.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            out.extend(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Returns a SEQUENCE.
pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// Returns a SET, whose parts DER sorts.
pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort();
    value(SET, &parts.concat())
}

/// Returns a value within a tag of its context: EXPLICIT, or IMPLICIT of a constructed type.
pub(super) fn within(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, content)
}

/// Returns a primitive value whose tag is one of its context: IMPLICIT.
pub(super) fn as_context(number: u8, content: &[u8]) -> Vec<u8> {
    value(0x80 | number, content)
}

/// Returns an OBJECT IDENTIFIER.
pub(super) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    value(OBJECT_IDENTIFIER, oid.as_bytes())
}

/// Returns an INTEGER from the bytes of a number that is not negative.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    value(INTEGER, &digits)
}

/// Returns a BIT STRING of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// Returns a BIT STRING of named bits (X.680 §22.7), of which bit 0 is the first: without zeros at its end.
pub(super) fn named_bits(flags: u16) -> Vec<u8> {
    let flags = flags.reverse_bits();
    let mut bytes = flags.to_be_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    let unused = bytes.last().map_or(0, |last| last.trailing_zeros());
    value(BIT_STRING, &[&[u8::try_from(unused).unwrap_or(0)], &*bytes].concat())
}

/// Returns a text: PrintableString where that is possible, else UTF8String, as Go does.
pub(super) fn text(text: &str) -> Vec<u8> {
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    value(if text.bytes().all(printable) { PRINTABLE_STRING } else { UTF8_STRING }, text.as_bytes())
}

/// Returns a time of a certificate (RFC 5280 §4.1.2.5): with two digits of the year until 2049.
pub(super) fn time(at: Timestamp) -> Vec<u8> {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, format) =
        if (1950..2050).contains(&at.year()) { (0x17, "%y%m%d%H%M%SZ") } else { (0x18, "%Y%m%d%H%M%SZ") };
    value(tag, at.strftime(format).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn lengths_integers_and_bits_are_those_of_der() {
        assert_eq!(value(OCTET_STRING, &[7]), [4, 1, 7]);
        assert_eq!(value(OCTET_STRING, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(value(OCTET_STRING, &[0; 300])[..4], [4, 0x82, 1, 44]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0, 127]), [2, 1, 127]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        // digitalSignature and keyEncipherment; keyCertSign; decipherOnly.
        assert_eq!(named_bits(0b101), [3, 2, 5, 0xa0]);
        assert_eq!(named_bits(1 << 5), [3, 2, 2, 4]);
        assert_eq!(named_bits(1 << 8), [3, 3, 7, 0, 0x80]);
        assert_eq!(named_bits(0), [3, 1, 0]);
    }

    #[test]
    fn texts_and_times_have_the_form_that_fits() {
        assert_eq!(text("a.b")[0], PRINTABLE_STRING);
        assert_eq!(text("a*b")[0], UTF8_STRING);
        assert_eq!(text("é")[0], UTF8_STRING);
        let at = |text: &str| time(text.parse().unwrap());
        assert_eq!(at("2049-12-31T23:59:59Z"), *b"\x17\x0d491231235959Z");
        assert_eq!(at("2050-01-01T00:00:00Z"), *b"\x18\x0f20500101000000Z");
    }
}

//! Key usages: cert-manager's words for them, and their extensions (RFC 5280 §4.2.1.3, §4.2.1.12).

use super::asn1;
use super::extension::{EXTENDED_KEY_USAGE, Extension, KEY_USAGE};
use pkcs8::ObjectIdentifier;

/// The bit of keyCertSign.
pub(super) const CERT_SIGN: u16 = 1 << 5;

/// Words of `spec.usages` with their bit.
const BITS: [(&str, u16); 10] = [
    ("signing", 1),
    ("digital signature", 1),
    ("content commitment", 1 << 1),
    ("key encipherment", 1 << 2),
    ("data encipherment", 1 << 3),
    ("key agreement", 1 << 4),
    ("cert sign", CERT_SIGN),
    ("crl sign", 1 << 6),
    ("encipher only", 1 << 7),
    ("decipher only", 1 << 8),
];

const fn purpose(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Words of `spec.usages` with their purpose.
const PURPOSES: [(&str, ObjectIdentifier); 13] = [
    ("any", purpose("2.5.29.37.0")),
    ("server auth", purpose("1.3.6.1.5.5.7.3.1")),
    ("client auth", purpose("1.3.6.1.5.5.7.3.2")),
    ("code signing", purpose("1.3.6.1.5.5.7.3.3")),
    ("email protection", purpose("1.3.6.1.5.5.7.3.4")),
    ("s/mime", purpose("1.3.6.1.5.5.7.3.4")),
    ("ipsec end system", purpose("1.3.6.1.5.5.7.3.5")),
    ("ipsec tunnel", purpose("1.3.6.1.5.5.7.3.6")),
    ("ipsec user", purpose("1.3.6.1.5.5.7.3.7")),
    ("timestamping", purpose("1.3.6.1.5.5.7.3.8")),
    ("ocsp signing", purpose("1.3.6.1.5.5.7.3.9")),
    ("microsoft sgc", purpose("1.3.6.1.4.1.311.10.3.3")),
    ("netscape sgc", purpose("2.16.840.1.113730.4.1")),
];

/// Returns the extensions for a list of usages. An empty list is cert-manager's default: digital signature and key
/// encipherment. A CA may always sign certificates. Unknown words, which the definitions of the kinds refuse, count
/// for nothing.
pub(super) fn extensions(usages: &[String], is_ca: bool) -> Vec<Extension> {
    let default = ["digital signature".to_owned(), "key encipherment".to_owned()];
    let usages = if usages.is_empty() { &default } else { usages };
    let mut flags = if is_ca { CERT_SIGN } else { 0 };
    let mut purposes = Vec::new();
    for usage in usages {
        flags |= BITS.iter().filter(|(word, _)| word == usage).fold(0, |all, (_, bit)| all | bit);
        purposes.extend(PURPOSES.iter().filter(|(word, _)| word == usage).map(|(_, purpose)| asn1::oid(*purpose)));
    }
    let mut extensions = Vec::new();
    if flags != 0 {
        extensions.push(Extension { oid: KEY_USAGE, critical: true, value: asn1::named_bits(flags) });
    }
    if !purposes.is_empty() {
        let value = asn1::sequence(&purposes);
        extensions.push(Extension { oid: EXTENDED_KEY_USAGE, critical: false, value });
    }
    extensions
}

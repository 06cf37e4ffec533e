//! Distinguished names (RFC 5280 §4.1.2.4): from the parts of a Certificate's subject, or as LDAP writes them (RFC 4514).

use super::asn1;
use crate::objects::{CertificateSpec, Subject};
use pkcs8::ObjectIdentifier;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

const fn attribute(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const COMMON_NAME: ObjectIdentifier = attribute("2.5.4.3");
const SERIAL_NUMBER: ObjectIdentifier = attribute("2.5.4.5");
const COUNTRY: ObjectIdentifier = attribute("2.5.4.6");
const LOCALITY: ObjectIdentifier = attribute("2.5.4.7");
const PROVINCE: ObjectIdentifier = attribute("2.5.4.8");
const STREET: ObjectIdentifier = attribute("2.5.4.9");
const ORGANIZATION: ObjectIdentifier = attribute("2.5.4.10");
const UNIT: ObjectIdentifier = attribute("2.5.4.11");
const POSTAL_CODE: ObjectIdentifier = attribute("2.5.4.17");

/// Words of `literalSubject` for types of attributes, cert-manager's; others are written as numbers with dots.
const WORDS: [(&str, ObjectIdentifier); 10] = [
    ("C", COUNTRY),
    ("CN", COMMON_NAME),
    ("DC", attribute("0.9.2342.19200300.100.1.25")),
    ("L", LOCALITY),
    ("O", ORGANIZATION),
    ("OU", UNIT),
    ("SERIALNUMBER", SERIAL_NUMBER),
    ("ST", PROVINCE),
    ("STREET", STREET),
    ("UID", attribute("0.9.2342.19200300.100.1.1")),
];

/// Returns the subject that a Certificate asks for, as DER.
///
/// # Errors
/// The part of `literalSubject` that cannot be read.
pub(super) fn subject(spec: &CertificateSpec) -> Result<Vec<u8>, String> {
    if !spec.literal_subject.is_empty() {
        return literal(&spec.literal_subject);
    }
    let none = Subject::default();
    let subject = spec.subject.as_ref().unwrap_or(&none);
    let one = |text: &String| if text.is_empty() { Vec::new() } else { vec![text.clone()] };
    // The order of Go's crypto/x509/pkix; the values of one type are one set.
    let parts = [
        (COUNTRY, &subject.countries),
        (ORGANIZATION, &subject.organizations),
        (UNIT, &subject.organizational_units),
        (LOCALITY, &subject.localities),
        (PROVINCE, &subject.provinces),
        (STREET, &subject.street_addresses),
        (POSTAL_CODE, &subject.postal_codes),
        (COMMON_NAME, &one(&spec.common_name)),
        (SERIAL_NUMBER, &one(&subject.serial_number)),
    ];
    let parts = parts.into_iter().filter(|(_, values)| !values.is_empty());
    let sets = parts.map(|(kind, values)| asn1::set(&values.iter().map(|value| pair(kind, value)).collect::<Vec<_>>()));
    Ok(asn1::sequence(&sets.collect::<Vec<_>>()))
}

/// True if a name, as DER, has the attributes that a Certificate asks for, in whatever order and form of text.
pub(super) fn has_attributes(name: &[u8], spec: &CertificateSpec) -> bool {
    let wanted = subject(spec).ok().and_then(|wanted| attributes(&wanted));
    wanted.is_some() && wanted == attributes(name)
}

fn attributes(name: &[u8]) -> Option<Vec<(String, String)>> {
    let (_, name) = X509Name::from_der(name).ok()?;
    let pair = |attribute: &AttributeTypeAndValue<'_>| {
        Some((attribute.attr_type().to_id_string(), attribute.as_str().ok()?.to_owned()))
    };
    let mut pairs = name.iter_attributes().map(pair).collect::<Option<Vec<_>>>()?;
    pairs.sort();
    Some(pairs)
}

/// True if a name, as DER, has no parts.
pub(super) fn is_empty(name: &[u8]) -> bool {
    name == asn1::sequence(&[])
}

fn pair(kind: ObjectIdentifier, value: &str) -> Vec<u8> {
    asn1::sequence(&[asn1::oid(kind), asn1::text(value)])
}

/// Returns the name that is written in LDAP's order: the last part comes first.
fn literal(text: &str) -> Result<Vec<u8>, String> {
    let sets = split(text)?;
    let set = |pairs: Vec<(ObjectIdentifier, String)>| {
        asn1::set(&pairs.iter().map(|(kind, value)| pair(*kind, value)).collect::<Vec<_>>())
    };
    Ok(asn1::sequence(&sets.into_iter().rev().map(set).collect::<Vec<_>>()))
}

/// The attributes of one part of a name.
type Part = Vec<(ObjectIdentifier, String)>;

fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = vec![Vec::new()];
    let mut rest = text;
    loop {
        let (kind, after) = rest.split_once('=').ok_or_else(|| rest.to_owned())?;
        let kind = kind.trim();
        let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(kind)).map(|(_, oid)| *oid);
        let kind = known.or_else(|| ObjectIdentifier::new(kind).ok()).ok_or_else(|| kind.to_owned())?;
        let (value, end, after) = value(after)?;
        parts.last_mut().into_iter().for_each(|part| part.push((kind, value.clone())));
        match end {
            None => return Ok(parts),
            Some('+') => {}
            Some(_) => parts.push(Vec::new()),
        }
        rest = after;
    }
}

/// Returns a value up to the sign that ends it, without its escapes, then that sign, and what follows.
fn value(text: &str) -> Result<(String, Option<char>, &str), String> {
    let text = text.trim_start();
    if text.starts_with('#') {
        return Err(text.to_owned());
    }
    let mut bytes = Vec::new();
    // Trailing blanks count only where they are escaped.
    let mut kept = 0;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            ',' | ';' | '+' => {
                bytes.truncate(kept.max(bytes.trim_ascii_end().len()));
                return Ok((utf8(bytes, text)?, Some(sign), &text[at + 1..]));
            }
            '\\' => {
                let escaped = text[at + 1..].chars().next().ok_or_else(|| text.to_owned())?;
                let two = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match two {
                    Some(byte) => {
                        bytes.push(byte);
                        signs.next();
                    }
                    None => bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                signs.next();
                kept = bytes.len();
            }
            '"' | '<' | '>' | '\0' => return Err(text.to_owned()),
            _ => bytes.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.truncate(kept.max(bytes.trim_ascii_end().len()));
    Ok((utf8(bytes, text)?, None, ""))
}

fn utf8(bytes: Vec<u8>, text: &str) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shown(der: &[u8]) -> String {
        X509Name::from_der(der).unwrap().1.to_string()
    }

    fn of_literal(text: &str) -> Result<String, String> {
        let spec = CertificateSpec { literal_subject: text.to_owned(), ..CertificateSpec::default() };
        subject(&spec).map(|der| shown(&der))
    }

    #[test]
    fn a_subject_has_every_value_of_its_parts_in_gos_order() {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let spec = CertificateSpec {
            common_name: "a.example".to_owned(),
            subject: Some(Subject {
                organizations: words(&["Two", "One"]),
                countries: words(&["DE"]),
                organizational_units: words(&["Büro"]),
                serial_number: "7".to_owned(),
                ..Subject::default()
            }),
            ..CertificateSpec::default()
        };
        assert_eq!(shown(&subject(&spec).unwrap()), "C=DE, O=One + O=Two, OU=Büro, CN=a.example, serialNumber=7");
        assert!(is_empty(&subject(&CertificateSpec::default()).unwrap()));
        let literal = r"CN=a.example, OU=Büro, O=One, O=Two, C=DE, SERIALNUMBER=7";
        assert!(has_attributes(&self::literal(literal).unwrap(), &spec));
        assert!(!has_attributes(&self::literal("CN=a.example, O=One, C=DE").unwrap(), &spec));
    }

    #[test]
    fn a_literal_subject_is_read_from_its_end() {
        assert_eq!(of_literal("CN=a.example,OU=x, O=Example").unwrap(), "O=Example, OU=x, CN=a.example");
        assert_eq!(of_literal("cn = a +UID=b, DC=test").unwrap(), "DC=test, CN=a + uid=b");
        assert_eq!(of_literal(r"CN=a\, b\20,O=M\C3\BCller").unwrap(), "O=Müller, CN=a, b ");
        assert_eq!(of_literal("2.5.4.17=01067,CN=a ").unwrap(), "CN=a, postalCode=01067");
        for wrong in ["CN", "XX=a", "CN=#0401ff", "CN=a,", "CN=a\\", "CN=\"a\"", r"CN=\FF"] {
            assert!(of_literal(wrong).is_err(), "{wrong}");
        }
    }
}

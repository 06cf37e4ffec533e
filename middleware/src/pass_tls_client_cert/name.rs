//! Distinguished names, as Traefik words them.

use std::fmt::Write as _;
use x509_parser::asn1_rs::{Oid, Tag, oid};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The parts of a name that are wanted.
pub(super) struct Parts {
    pub(super) domain_component: bool,
    pub(super) country: bool,
    pub(super) province: bool,
    pub(super) locality: bool,
    pub(super) organization: bool,
    pub(super) organizational_unit: bool,
    pub(super) serial_number: bool,
    pub(super) common_name: bool,
}

/// The values of an attribute that count if there are several.
enum Values {
    All,
    Last,
}

/// The wanted parts of `name`, such as `C=FR,O=Cheese,CN=*.example.com`. A part may be there several times, but for
/// the serial number and the common name, of which the last counts (Go's `pkix.Name`).
pub(super) fn distinguished_name(name: &X509Name<'_>, parts: &Parts) -> String {
    let mut text = String::new();
    for (is_wanted, key, oid, values) in [
        (parts.domain_component, "DC", oid!(0.9.2342.19200300.100.1.25), Values::All),
        (parts.country, "C", oid!(2.5.4.6), Values::All),
        (parts.province, "ST", oid!(2.5.4.8), Values::All),
        (parts.locality, "L", oid!(2.5.4.7), Values::All),
        (parts.organization, "O", oid!(2.5.4.10), Values::All),
        (parts.organizational_unit, "OU", oid!(2.5.4.11), Values::All),
        (parts.serial_number, "SN", oid!(2.5.4.5), Values::Last),
        (parts.common_name, "CN", oid!(2.5.4.3), Values::Last),
    ] {
        if !is_wanted {
            continue;
        }
        let all = attributes(name, &oid);
        let counted = match values {
            Values::All => &all[..],
            Values::Last => &all[all.len().saturating_sub(1)..],
        };
        // An empty value shows only of a domain component.
        for value in counted.iter().filter(|value| key == "DC" || !value.is_empty()) {
            // Writing to a string does not fail.
            let _ = write!(text, "{key}={value},");
        }
    }
    if text.ends_with(',') {
        text.pop();
    }
    text
}

fn attributes(name: &X509Name<'_>, oid: &Oid<'_>) -> Vec<String> {
    name.iter_attributes().filter(|attribute| attribute.attr_type() == oid).filter_map(string).collect()
}

/// The value of an attribute that is a string of any kind.
fn string(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::NumericString => {
            Some(String::from_utf8_lossy(value.data).into_owned())
        }
        // Latin-1, as Go reads it.
        Tag::T61String => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (pairs, _) = value.data.as_chunks::<2>();
            let units: Vec<_> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            // Go drops a terminator.
            Some(String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units)))
        }
        _ => None,
    }
}

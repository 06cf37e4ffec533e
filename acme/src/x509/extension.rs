//! Extensions of certificates and signing requests (RFC 5280 §4.2).

use super::asn1;
use crate::objects::CertificateSpec;
use pkcs8::ObjectIdentifier;
use std::net::IpAddr;

const fn known(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Names beside the subject's.
pub(super) const ALTERNATIVE_NAMES: ObjectIdentifier = known("2.5.29.17");
/// True for a CA, and how long the chains below it may be.
pub(super) const BASIC_CONSTRAINTS: ObjectIdentifier = known("2.5.29.19");
/// Uses of the key.
pub(super) const KEY_USAGE: ObjectIdentifier = known("2.5.29.15");
/// Purposes of the key.
pub(super) const EXTENDED_KEY_USAGE: ObjectIdentifier = known("2.5.29.37");
/// Names that certificates below a CA may have.
pub(super) const NAME_CONSTRAINTS: ObjectIdentifier = known("2.5.29.30");
const SUBJECT_KEY_ID: ObjectIdentifier = known("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = known("2.5.29.35");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = known("2.5.29.31");
const AUTHORITY_INFORMATION: ObjectIdentifier = known("1.3.6.1.5.5.7.1.1");
const OCSP: ObjectIdentifier = known("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: ObjectIdentifier = known("1.3.6.1.5.5.7.48.2");

/// Choices of GeneralName.
const OTHER: u8 = 0;
pub(super) const MAIL: u8 = 1;
pub(super) const DNS: u8 = 2;
pub(super) const URI: u8 = 6;
pub(super) const ADDRESS: u8 = 7;

/// One extension.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Extension {
    /// Its kind.
    pub oid: ObjectIdentifier,
    /// True if whoever does not know it must refuse the certificate.
    pub critical: bool,
    /// Its DER.
    pub value: Vec<u8>,
}

impl Extension {
    /// Returns its DER within a list of extensions.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical { asn1::value(asn1::BOOLEAN, &[0xff]) } else { Vec::new() };
        asn1::sequence(&[asn1::oid(self.oid), critical, asn1::value(asn1::OCTET_STRING, &self.value)])
    }
}

/// Returns the extension with the names of a Certificate; `None` if it has none beside its subject. It is critical
/// where the subject is empty.
///
/// # Errors
/// The name that cannot be in a certificate.
pub(super) fn alternative_names(spec: &CertificateSpec, no_subject: bool) -> Result<Option<Extension>, String> {
    let mut names = Vec::new();
    for (choice, texts) in [(DNS, &spec.dns_names), (MAIL, &spec.email_addresses)] {
        for text in texts {
            names.push(ascii(choice, text)?);
        }
    }
    for text in &spec.ip_addresses {
        names.push(match text.parse::<IpAddr>().map_err(|_| text.clone())? {
            IpAddr::V4(ip) => asn1::as_context(ADDRESS, &ip.octets()),
            IpAddr::V6(ip) => asn1::as_context(ADDRESS, &ip.octets()),
        });
    }
    for text in &spec.uris {
        names.push(ascii(URI, text)?);
    }
    for other in &spec.other_names {
        let oid = ObjectIdentifier::new(&other.oid).map_err(|_| other.oid.clone())?;
        let value = asn1::within(0, &asn1::value(asn1::UTF8_STRING, other.utf8_value.as_bytes()));
        names.push(asn1::within(OTHER, &[asn1::oid(oid), value].concat()));
    }
    let value = asn1::sequence(&names);
    Ok((!names.is_empty()).then_some(Extension { oid: ALTERNATIVE_NAMES, critical: no_subject, value }))
}

/// Returns a GeneralName that is an IA5String.
pub(super) fn ascii(choice: u8, text: &str) -> Result<Vec<u8>, String> {
    if !text.is_ascii() || text.is_empty() {
        return Err(text.to_owned());
    }
    Ok(asn1::as_context(choice, text.as_bytes()))
}

/// Returns the basic constraints of a certificate, as Go writes them: critical for all.
pub(super) fn basic_constraints(is_ca: bool) -> Extension {
    let value = if is_ca { asn1::sequence(&[asn1::value(asn1::BOOLEAN, &[0xff])]) } else { asn1::sequence(&[]) };
    Extension { oid: BASIC_CONSTRAINTS, critical: true, value }
}

/// True if basic constraints, as DER, are those of a CA: their first part is TRUE.
pub(super) fn is_authority(value: &[u8]) -> bool {
    value.get(2..5) == Some(&[asn1::BOOLEAN, 1, 0xff])
}

/// Returns the id of the certificate's own key.
pub(super) fn subject_key_id(id: &[u8]) -> Extension {
    Extension { oid: SUBJECT_KEY_ID, critical: false, value: asn1::value(asn1::OCTET_STRING, id) }
}

/// Returns the id of the key that signs.
pub(super) fn authority_key_id(id: &[u8]) -> Extension {
    let value = asn1::sequence(&[asn1::as_context(0, id)]);
    Extension { oid: AUTHORITY_KEY_ID, critical: false, value }
}

/// Returns where lists of revoked certificates are; `None` if nowhere.
pub(super) fn revocation_lists(urls: &[String]) -> Option<Extension> {
    let point = |url: &String| {
        let full_name = asn1::within(0, &asn1::as_context(URI, url.as_bytes()));
        asn1::sequence(&[asn1::within(0, &full_name)])
    };
    let value = asn1::sequence(&urls.iter().map(point).collect::<Vec<_>>());
    (!urls.is_empty()).then_some(Extension { oid: CRL_DISTRIBUTION_POINTS, critical: false, value })
}

/// Returns where the state of a certificate can be asked for, and where its issuer's certificate is; `None` if nowhere.
pub(super) fn authority_information(ocsp: &[String], issuers: &[String]) -> Option<Extension> {
    let access = |method, urls: &[String]| {
        let one = |url: &String| asn1::sequence(&[asn1::oid(method), asn1::as_context(URI, url.as_bytes())]);
        urls.iter().map(one).collect::<Vec<_>>()
    };
    let all = [access(OCSP, ocsp), access(CA_ISSUERS, issuers)].concat();
    let value = asn1::sequence(&all);
    (!all.is_empty()).then_some(Extension { oid: AUTHORITY_INFORMATION, critical: false, value })
}

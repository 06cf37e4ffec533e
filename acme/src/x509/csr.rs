//! Signing requests (RFC 2986): made from a Certificate, and compared with it.

use super::key::PrivateKey;
use super::leaf::{address, first};
use crate::objects::{CertificateSpec, Subject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject as _;
use std::net::IpAddr;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

/// The reason for which a signing request cannot be made or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsrError {
    /// A name that cannot be in a certificate.
    #[error("{0:?} cannot stand in a certificate")]
    Name(String),
    /// A failure of the signing itself.
    #[error("the signing request could not be made: {0}")]
    Signing(String),
    /// A text that is not a signing request.
    #[error("error decoding certificate request PEM block")]
    Malformed,
}

/// The content of a signing request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Csr {
    /// Common name.
    pub common_name: String,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// Addresses, in text.
    pub ip_addresses: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// The public key, as DER.
    pub public_key: Vec<u8>,
    /// The whole request, as DER.
    pub der: Vec<u8>,
}

impl Csr {
    /// Reads the `spec.request` of a CertificateRequest or an Order: PEM in base64.
    ///
    /// # Errors
    /// [`CsrError::Malformed`].
    pub fn from_base64(text: &str) -> Result<Self, CsrError> {
        let pem = STANDARD.decode(text.trim()).map_err(|_| CsrError::Malformed)?;
        let der = CertificateSigningRequestDer::from_pem_slice(&pem).map_err(|_| CsrError::Malformed)?;
        let (_, request) = X509CertificationRequest::from_der(&der).map_err(|_| CsrError::Malformed)?;
        let info = &request.certification_request_info;
        let mut csr = Self {
            common_name: first(info.subject.iter_common_name()),
            public_key: info.subject_pki.raw.to_vec(),
            der: der.to_vec(),
            ..Self::default()
        };
        for extension in request.requested_extensions().into_iter().flatten() {
            let ParsedExtension::SubjectAlternativeName(names) = extension else { continue };
            for name in &names.general_names {
                match name {
                    GeneralName::DNSName(name) => csr.dns_names.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => csr.ip_addresses.extend(address(bytes).map(|ip| ip.to_string())),
                    GeneralName::URI(uri) => csr.uris.push((*uri).to_owned()),
                    GeneralName::RFC822Name(mail) => csr.emails.push((*mail).to_owned()),
                    _ => {}
                }
            }
        }
        Ok(csr)
    }
}

/// Makes the `spec.request` of a CertificateRequest: PEM in base64.
///
/// # Errors
/// [`CsrError::Name`] if a name cannot be in a certificate, [`CsrError::Signing`].
pub fn make(spec: &CertificateSpec, key: &PrivateKey) -> Result<String, CsrError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&spec.common_name, spec.subject.as_ref());
    for name in &spec.dns_names {
        params.subject_alt_names.push(SanType::DnsName(text(name)?));
    }
    for ip in &spec.ip_addresses {
        let ip: IpAddr = ip.parse().map_err(|_| CsrError::Name(ip.clone()))?;
        params.subject_alt_names.push(SanType::IpAddress(ip));
    }
    for uri in &spec.uris {
        params.subject_alt_names.push(SanType::URI(text(uri)?));
    }
    for mail in &spec.email_addresses {
        params.subject_alt_names.push(SanType::Rfc822Name(text(mail)?));
    }
    (params.key_usages, params.extended_key_usages) = usages(&spec.usages);
    let signing = |error: rcgen::Error| CsrError::Signing(error.to_string());
    let pem = params.serialize_request(key.pair()).and_then(|request| request.pem()).map_err(signing)?;
    Ok(STANDARD.encode(pem))
}

fn text<T: for<'a> TryFrom<&'a str>>(name: &str) -> Result<T, CsrError> {
    T::try_from(name).map_err(|_| CsrError::Name(name.to_owned()))
}

fn subject(common_name: &str, subject: Option<&Subject>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if !common_name.is_empty() {
        name.push(DnType::CommonName, common_name);
    }
    let Some(subject) = subject else { return name };
    // One value for each type of attribute is enough: ACME servers drop them anyway.
    for (kind, values) in [
        (DnType::OrganizationName, &subject.organizations),
        (DnType::OrganizationalUnitName, &subject.organizational_units),
        (DnType::CountryName, &subject.countries),
        (DnType::StateOrProvinceName, &subject.provinces),
        (DnType::LocalityName, &subject.localities),
    ] {
        if let Some(value) = values.first() {
            name.push(kind, value.as_str());
        }
    }
    name
}

fn usages(names: &[String]) -> (Vec<KeyUsagePurpose>, Vec<ExtendedKeyUsagePurpose>) {
    let mut usage = Vec::new();
    let mut extended = Vec::new();
    if names.is_empty() {
        usage.extend([KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]);
    }
    for name in names {
        match name.as_str() {
            "signing" | "digital signature" => usage.push(KeyUsagePurpose::DigitalSignature),
            "content commitment" => usage.push(KeyUsagePurpose::ContentCommitment),
            "key encipherment" => usage.push(KeyUsagePurpose::KeyEncipherment),
            "key agreement" => usage.push(KeyUsagePurpose::KeyAgreement),
            "data encipherment" => usage.push(KeyUsagePurpose::DataEncipherment),
            "server auth" => extended.push(ExtendedKeyUsagePurpose::ServerAuth),
            "client auth" => extended.push(ExtendedKeyUsagePurpose::ClientAuth),
            _ => {}
        }
    }
    usage.dedup();
    (usage, extended)
}

/// Makes a signing request for names only, as PEM in base64 (for resolvers and tests).
///
/// # Errors
/// Those of [`make`].
pub fn for_names(names: &[String], key: &PrivateKey) -> Result<String, CsrError> {
    let (ip_addresses, dns_names) = names.iter().cloned().partition(|name| name.parse::<IpAddr>().is_ok());
    make(&CertificateSpec { dns_names, ip_addresses, ..CertificateSpec::default() }, key)
}

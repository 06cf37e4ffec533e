//! Signing requests (RFC 2986): made from a Certificate, and compared with it.

use super::asn1;
use super::extension::{ALTERNATIVE_NAMES, Extension, NAME_CONSTRAINTS, alternative_names};
use super::key::{PrivateKey, pem_block};
use super::leaf::{address, first};
use super::{constraint, name, usage, verify};
use crate::objects::CertificateSpec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::ObjectIdentifier;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject as _;
use std::net::IpAddr;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;

/// Attribute of a request with the extensions that the certificate shall have (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

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
    /// The subject, as DER.
    pub subject: Vec<u8>,
    /// The extensions that are asked for.
    pub extensions: Vec<Extension>,
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
            subject: info.subject.as_raw().to_vec(),
            public_key: info.subject_pki.raw.to_vec(),
            der: der.to_vec(),
            ..Self::default()
        };
        for attribute in info.iter_attributes() {
            let ParsedCriAttribute::ExtensionRequest(asked) = attribute.parsed_attribute() else { continue };
            for extension in &asked.extensions {
                csr.add(extension)?;
            }
        }
        Ok(csr)
    }

    fn add(&mut self, extension: &X509Extension<'_>) -> Result<(), CsrError> {
        let oid = ObjectIdentifier::from_bytes(extension.oid.as_bytes()).map_err(|_| CsrError::Malformed)?;
        self.extensions.push(Extension { oid, critical: extension.critical, value: extension.value.to_vec() });
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else { return Ok(()) };
        for name in &names.general_names {
            match name {
                GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => self.ip_addresses.extend(address(bytes).map(|ip| ip.to_string())),
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(mail) => self.emails.push((*mail).to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns an extension that is asked for.
    #[must_use]
    pub fn extension(&self, oid: ObjectIdentifier) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// Returns the fields of a Certificate that only local issuers heed and that the request does not meet.
    #[must_use]
    pub fn violations(&self, spec: &CertificateSpec) -> Vec<&'static str> {
        let mut fields = Vec::new();
        if !name::has_attributes(&self.subject, spec) {
            fields.push(if spec.literal_subject.is_empty() { "spec.subject" } else { "spec.literalSubject" });
        }
        let names = alternative_names(spec, name::is_empty(&self.subject)).ok().flatten();
        if !spec.other_names.is_empty() && names.as_ref() != self.extension(ALTERNATIVE_NAMES) {
            fields.push("spec.otherNames");
        }
        let constraints =
            spec.name_constraints.as_ref().and_then(|wanted| constraint::extension(wanted).ok().flatten());
        if constraints.as_ref() != self.extension(NAME_CONSTRAINTS) {
            fields.push("spec.nameConstraints");
        }
        fields
    }

    /// True if the request has an empty subject.
    #[must_use]
    pub fn has_no_subject(&self) -> bool {
        name::is_empty(&self.subject)
    }

    /// True if the request is signed with the key that it is for.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let Ok((_, request)) = X509CertificationRequest::from_der(&self.der) else { return false };
        let info = &request.certification_request_info;
        let signature = &request.signature_value.data;
        verify::is_signed(info.raw, &request.signature_algorithm, signature, &info.subject_pki)
    }
}

/// Makes the `spec.request` of a CertificateRequest: PEM in base64.
///
/// # Errors
/// [`CsrError::Name`] if a name cannot be in a certificate, [`CsrError::Signing`].
pub fn make(spec: &CertificateSpec, key: &PrivateKey) -> Result<String, CsrError> {
    let subject = name::subject(spec).map_err(CsrError::Name)?;
    let names = alternative_names(spec, name::is_empty(&subject)).map_err(CsrError::Name)?;
    let mut extensions: Vec<Extension> = names.into_iter().collect();
    if spec.encode_usages_in_request != Some(false) {
        extensions.extend(usage::extensions(&spec.usages, spec.is_ca));
    }
    if let Some(constraints) = &spec.name_constraints {
        extensions.extend(constraint::extension(constraints).map_err(CsrError::Name)?);
    }
    let extensions: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
    let attributes = if extensions.is_empty() {
        Vec::new()
    } else {
        asn1::sequence(&[asn1::oid(EXTENSION_REQUEST), asn1::set(&[asn1::sequence(&extensions)])])
    };
    let body = asn1::sequence(&[asn1::unsigned(&[0]), subject, key.public_key(), asn1::within(0, &attributes)]);
    let der = key.signed(body).map_err(|error| CsrError::Signing(error.to_string()))?;
    Ok(STANDARD.encode(pem_block("CERTIFICATE REQUEST", &der)))
}

/// Makes a signing request for names only, as PEM in base64 (for resolvers and tests).
///
/// # Errors
/// Those of [`make`].
pub fn for_names(names: &[String], key: &PrivateKey) -> Result<String, CsrError> {
    let (ip_addresses, dns_names) = names.iter().cloned().partition(|name| name.parse::<IpAddr>().is_ok());
    make(&CertificateSpec { dns_names, ip_addresses, ..CertificateSpec::default() }, key)
}

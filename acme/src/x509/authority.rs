//! A CA's certificate with its key, read from a Secret, and the chain above it.

use super::key::PrivateKey;
use super::{name, verify};
use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::sync::Arc;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Certificate;

/// The longest chain that is followed.
const MAX_CHAIN: usize = 10;

/// The reason for which a key pair cannot sign certificates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorityError {
    /// No certificate, or a broken one.
    #[error("error decoding certificate PEM block")]
    Malformed,
    /// A certificate that is not one of a CA. cert-manager's words.
    #[error("certificate is not a CA")]
    NotAuthority,
    /// A certificate whose key usage lacks signing.
    #[error("the certificate may not sign others: its key usage lacks \"cert sign\"")]
    NotSigning,
    /// A certificate without a subject, which nothing could name as its issuer.
    #[error("the certificate has no subject")]
    NoSubject,
    /// A key of another certificate.
    #[error("the private key does not match the certificate")]
    OtherKey,
    /// A certificate that is over.
    #[error("the certificate expired on {}", .0.strftime("%a, %d %b %Y %H:%M:%S UTC"))]
    Expired(Timestamp),
}

/// A CA that can sign.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Its subject, as DER.
    pub subject: Vec<u8>,
    /// The id of its key; empty if its certificate has none.
    pub key_id: Vec<u8>,
    /// The number of CAs that may be below it; `None` for any number.
    pub path_length: Option<u32>,
    /// The end of its certificate.
    pub not_after: Timestamp,
    /// Its key.
    pub key: Arc<PrivateKey>,
    /// The certificates from its own to the topmost that is known, as DER.
    pub chain: Vec<Vec<u8>>,
    /// True if the topmost of the chain is signed by itself.
    pub is_rooted: bool,
}

impl Authority {
    /// Reads a CA: `pem` begins with its certificate, and has those above it in any order, as `more` has.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn read(pem: &[u8], more: &[u8], key: Arc<PrivateKey>) -> Result<Self, AuthorityError> {
        let blocks = CertificateDer::pem_slice_iter(pem).chain(CertificateDer::pem_slice_iter(more));
        let all: Vec<_> = blocks.collect::<Result<_, _>>().map_err(|_| AuthorityError::Malformed)?;
        let own = all.first().ok_or(AuthorityError::Malformed)?;
        let certificate = parsed(own).ok_or(AuthorityError::Malformed)?;
        let constraints = certificate.basic_constraints().map_err(|_| AuthorityError::Malformed)?;
        let constraints = constraints.map(|constraints| constraints.value).filter(|constraints| constraints.ca);
        let constraints = constraints.ok_or(AuthorityError::NotAuthority)?;
        let usage = certificate.key_usage().map_err(|_| AuthorityError::Malformed)?;
        if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err(AuthorityError::NotSigning);
        }
        if certificate.public_key().raw != key.public_key() {
            return Err(AuthorityError::OtherKey);
        }
        let subject = certificate.subject().as_raw().to_vec();
        if name::is_empty(&subject) {
            return Err(AuthorityError::NoSubject);
        }
        let end = certificate.validity().not_after.timestamp();
        let not_after = Timestamp::from_second(end).map_err(|_| AuthorityError::Malformed)?;
        let key_id = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let path_length = constraints.path_len_constraint;
        let (chain, is_rooted) = chain(&all);
        Ok(Self { subject, key_id: key_id.unwrap_or_default(), path_length, not_after, key, chain, is_rooted })
    }
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate)
}

/// Returns the certificates from the first one upwards, as far as they are among `all`, and true if the last is signed
/// by itself.
fn chain(all: &[CertificateDer<'_>]) -> (Vec<Vec<u8>>, bool) {
    let all: Vec<_> = all.iter().filter_map(|der| Some((der.to_vec(), parsed(der)?))).collect();
    let mut chain = Vec::new();
    let mut next = all.first();
    while let Some((der, certificate)) = next.filter(|_| chain.len() < MAX_CHAIN) {
        chain.push(der.clone());
        if is_signed_by(certificate, certificate) {
            return (chain, true);
        }
        next = all.iter().find(|(der, above)| !chain.contains(der) && is_signed_by(certificate, above));
    }
    (chain, false)
}

/// True if a certificate names another one as its issuer, whose key has signed it.
pub(super) fn is_signed_by(certificate: &X509Certificate<'_>, above: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == above.subject().as_raw()
        && verify::is_signed(
            certificate.tbs_certificate.as_ref(),
            &certificate.signature_algorithm,
            &certificate.signature_value.data,
            above.public_key(),
        )
}

/// Returns the id of a public key (RFC 7093 §2, the first method): 20 bytes of its SHA-256.
pub(super) fn key_id(public_key: &[u8]) -> Vec<u8> {
    use x509_parser::prelude::FromDer as _;
    let read = x509_parser::x509::SubjectPublicKeyInfo::from_der(public_key);
    let bits = read.map_or_else(|_| public_key.to_vec(), |(_, info)| info.subject_public_key.data.to_vec());
    digest::digest(&digest::SHA256, &bits).as_ref()[..20].to_vec()
}

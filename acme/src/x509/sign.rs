//! Certificates signed here (RFC 5280 §4.1): by a CA of the cluster, or by their own key. They are what cert-manager's
//! issuers `ca` and `selfSigned` make: the request's subject and names byte by byte, the uses and the life time of the
//! CertificateRequest.

use super::authority::{Authority, key_id};
use super::csr::Csr;
use super::extension::{
    self, ALTERNATIVE_NAMES, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, Extension, KEY_USAGE, NAME_CONSTRAINTS,
};
use super::key::{PrivateKey, PrivateKeyError, pem_block};
use super::{asn1, name, usage};
use jiff::{SignedDuration, Timestamp};

/// The life of a certificate for which none is asked: cert-manager's 90 days.
pub const DEFAULT_DURATION: SignedDuration = SignedDuration::from_hours(24 * 90);

/// The reason for which a request is not signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignError {
    /// A request that its own key has not signed.
    #[error("the signing request is not signed with its own key")]
    Signature,
    /// A key for which no algorithm is known.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
    /// A request whose uses are not those of the object that holds it.
    #[error("encoded CSR error: the key usages do not match the expected ones of spec.usages")]
    Usages,
    /// A request for a CA in an object that asks for none, or the reverse.
    #[error("encoded CSR error: IsCA does not match the expected value {0}")]
    Constraints(bool),
    /// A request for a CA below one that may have none.
    #[error("the CA may sign no further CA: its path length is 0")]
    PathLength,
    /// A life time that ends after every calendar.
    #[error("the duration {0:#} is too long")]
    Duration(SignedDuration),
    /// A URL that cannot be in a certificate.
    #[error("{0:?} of the issuer cannot stand in a certificate")]
    Url(String),
}

/// The wishes for a certificate beside those of its signing request.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Its life time; `None` is [`DEFAULT_DURATION`].
    pub duration: Option<SignedDuration>,
    /// Its uses, in cert-manager's words.
    pub usages: Vec<String>,
    /// True for a CA.
    pub is_ca: bool,
    /// URLs of lists of revoked certificates.
    pub crl_distribution_points: Vec<String>,
    /// URLs at which its state can be asked for.
    pub ocsp_servers: Vec<String>,
    /// URLs of the CA's certificate.
    pub issuing_certificate_urls: Vec<String>,
}

/// A signed certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The chain, as PEM: the certificate, and those of the CAs that are not roots.
    pub chain: String,
    /// The topmost certificate that is known, as PEM: `ca.crt`.
    pub ca: String,
}

/// The key that signs, and what of it stands in a certificate.
struct Signer<'a> {
    name: &'a [u8],
    key_id: &'a [u8],
    key: &'a PrivateKey,
}

/// Signs a request with a CA. `serial` is random.
///
/// # Errors
/// [`SignError`].
pub fn by_authority(
    csr: &Csr,
    terms: &Terms,
    authority: &Authority,
    serial: [u8; 16],
    now: Timestamp,
) -> Result<Signed, SignError> {
    if terms.is_ca && authority.path_length == Some(0) {
        return Err(SignError::PathLength);
    }
    let signer = Signer { name: &authority.subject, key_id: &authority.key_id, key: &authority.key };
    let mut chain = pem_block("CERTIFICATE", &certificate(csr, terms, &signer, serial, now)?);
    let above = authority.chain.len() - usize::from(authority.is_rooted);
    authority.chain.iter().take(above).for_each(|der| chain.push_str(&pem_block("CERTIFICATE", der)));
    let ca = authority.chain.last().map(|der| pem_block("CERTIFICATE", der)).unwrap_or_default();
    Ok(Signed { chain, ca })
}

/// Signs a request with the key that it is for. `serial` is random.
///
/// # Errors
/// [`SignError`].
pub fn by_itself(
    csr: &Csr,
    terms: &Terms,
    key: &PrivateKey,
    serial: [u8; 16],
    now: Timestamp,
) -> Result<Signed, SignError> {
    let signer = Signer { name: &csr.subject, key_id: &[], key };
    let chain = pem_block("CERTIFICATE", &certificate(csr, terms, &signer, serial, now)?);
    Ok(Signed { ca: chain.clone(), chain })
}

fn certificate(
    csr: &Csr,
    terms: &Terms,
    signer: &Signer<'_>,
    serial: [u8; 16],
    now: Timestamp,
) -> Result<Vec<u8>, SignError> {
    if !csr.is_signed() {
        return Err(SignError::Signature);
    }
    let duration = terms.duration.unwrap_or(DEFAULT_DURATION);
    let end = now.checked_add(duration).map_err(|_| SignError::Duration(duration))?;
    let extensions: Vec<Vec<u8>> = extensions(csr, terms, signer)?.iter().map(Extension::to_der).collect();
    let body = asn1::sequence(&[
        asn1::within(0, &asn1::unsigned(&[2])),
        asn1::unsigned(&serial),
        signer.key.signature_algorithm()?,
        signer.name.to_vec(),
        asn1::sequence(&[asn1::time(now), asn1::time(end)]),
        csr.subject.clone(),
        csr.public_key.clone(),
        asn1::within(3, &asn1::sequence(&extensions)),
    ]);
    Ok(signer.key.signed(body)?)
}

/// Returns the extensions in Go's order.
fn extensions(csr: &Csr, terms: &Terms, signer: &Signer<'_>) -> Result<Vec<Extension>, SignError> {
    let urls = [&terms.crl_distribution_points, &terms.ocsp_servers, &terms.issuing_certificate_urls];
    if let Some(url) = urls.into_iter().flatten().find(|url| !url.is_ascii()) {
        return Err(SignError::Url(url.clone()));
    }
    let mut extensions = usage::extensions(&terms.usages, terms.is_ca);
    let asked = [KEY_USAGE, EXTENDED_KEY_USAGE].map(|oid| csr.extension(oid).map(|extension| &extension.value));
    let given = [KEY_USAGE, EXTENDED_KEY_USAGE]
        .map(|oid| extensions.iter().find(|extension| extension.oid == oid).map(|extension| &extension.value));
    if asked.iter().any(Option::is_some) && asked != given {
        return Err(SignError::Usages);
    }
    let constraints = extension::basic_constraints(terms.is_ca);
    let is_ca = |asked: &Extension| extension::is_authority(&asked.value) == terms.is_ca;
    if !csr.extension(BASIC_CONSTRAINTS).is_none_or(is_ca) {
        return Err(SignError::Constraints(terms.is_ca));
    }
    extensions.push(constraints);
    if terms.is_ca {
        extensions.push(extension::subject_key_id(&key_id(&csr.public_key)));
    }
    if !signer.key_id.is_empty() {
        extensions.push(extension::authority_key_id(signer.key_id));
    }
    extensions.extend(extension::authority_information(&terms.ocsp_servers, &terms.issuing_certificate_urls));
    extensions.extend(csr.extension(NAME_CONSTRAINTS).cloned());
    extensions.extend(extension::revocation_lists(&terms.crl_distribution_points));
    let critical = name::is_empty(&csr.subject);
    extensions.extend(csr.extension(ALTERNATIVE_NAMES).map(|names| Extension { critical, ..names.clone() }));
    Ok(extensions)
}

#[cfg(test)]
mod tests;

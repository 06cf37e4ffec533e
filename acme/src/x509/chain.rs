//! Certificate chains as a CA sends them.

use super::{Leaf, LeafError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Returns the common name of the topmost issuer of a PEM chain, which `preferredChain` is compared with.
#[must_use]
pub fn top_issuer(pem: &[u8]) -> Option<String> {
    let last = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).last()?;
    let (_, cert) = x509_parser::parse_x509_certificate(&last).ok()?;
    Some(super::leaf::first(cert.issuer().iter_common_name()))
}

/// Checks a whole chain: every block must be a certificate, so that a truncated response is rejected. Returns the leaf.
///
/// # Errors
/// [`LeafError`] if there is no block, or one lacks its end or is not a certificate.
pub fn check(pem: &[u8]) -> Result<Leaf, LeafError> {
    let mut leaf = None;
    for block in CertificateDer::pem_slice_iter(pem) {
        let der = block.map_err(|error| LeafError::Malformed(error.to_string()))?;
        let read = Leaf::from_der(&der)?;
        leaf.get_or_insert(read);
    }
    // The reader skips a block without an end line: count the start lines.
    let begun = pem.windows(11).filter(|window| window == b"-----BEGIN ").count();
    let ended = pem.windows(9).filter(|window| window == b"-----END ").count();
    if begun != ended {
        return Err(LeafError::Malformed("the chain is cut off".to_owned()));
    }
    leaf.ok_or(LeafError::NoPem)
}

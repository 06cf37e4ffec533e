//! Chains as a CA sends them.

use super::{Leaf, LeafError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The common name of the issuer at the top of a PEM chain: what `preferredChain` is compared with.
#[must_use]
pub fn top_issuer(pem: &[u8]) -> Option<String> {
    let last = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).last()?;
    let (_, cert) = x509_parser::parse_x509_certificate(&last).ok()?;
    Some(super::leaf::first(cert.issuer().iter_common_name()))
}

/// Reads a chain whole: every block must be a certificate, so that a truncated answer is no chain.
///
/// # Errors
/// A block is missing its end or is no certificate, or there is none.
pub fn check(pem: &[u8]) -> Result<Leaf, LeafError> {
    let mut leaf = None;
    for block in CertificateDer::pem_slice_iter(pem) {
        let der = block.map_err(|error| LeafError::Malformed(error.to_string()))?;
        let read = Leaf::from_der(&der)?;
        leaf.get_or_insert(read);
    }
    // A block without its end line is no block to the reader: count the starts.
    let begun = pem.windows(11).filter(|window| window == b"-----BEGIN ").count();
    let ended = pem.windows(9).filter(|window| window == b"-----END ").count();
    if begun != ended {
        return Err(LeafError::Malformed("the chain is cut off".to_owned()));
    }
    leaf.ok_or(LeafError::NoPem)
}

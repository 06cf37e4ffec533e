//! Key stores for Java and others: a private key with its chain, or trusted certificates, behind a password.
//!
//! They are those of cert-manager, entry by entry. Salts and initial vectors are derived from what is encrypted, the
//! private key included, so that the same content gives the same store.

mod jks;
mod pkcs12;

pub(crate) use jks::{check_alias, key_store as jks_key_store, trust_store as jks_trust_store};
pub(crate) use pkcs12::{check_password, key_store as pkcs12_key_store, trust_store as pkcs12_trust_store};

use super::key::PrivateKey;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

/// The reason for which a key store cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeystoreError {
    #[error("the certificates cannot be read")]
    Certificates,
    #[error("the private key cannot be read")]
    Key,
    #[error("the password is not text that PKCS#12 can have: UTF-8 without signs beyond U+FFFF")]
    Password,
    #[error("the alias is longer than 65535 bytes")]
    Alias,
    #[error("it could not be encrypted")]
    Encryption,
}

/// The content of key stores.
pub(crate) struct Contents<'a> {
    pub(crate) key: &'a PrivateKey,
    /// The certificate of the key and those above it, as DER.
    chain: Vec<Vec<u8>>,
    /// The trusted certificates, as DER.
    trusted: Vec<Vec<u8>>,
    /// When the entries were made.
    pub(crate) created: Timestamp,
}

impl<'a> Contents<'a> {
    /// Reads a chain and trusted certificates in PEM.
    ///
    /// # Errors
    /// [`KeystoreError::Certificates`].
    pub(crate) fn read(
        key: &'a PrivateKey,
        chain: &[u8],
        trusted: &[u8],
        created: Timestamp,
    ) -> Result<Self, KeystoreError> {
        let read = |pem: &[u8]| {
            let blocks = CertificateDer::pem_slice_iter(pem).map(|block| block.map(|der| der.to_vec()));
            blocks.collect::<Result<Vec<_>, _>>().map_err(|_| KeystoreError::Certificates)
        };
        let (chain, trusted) = (read(chain)?, read(trusted)?);
        if chain.is_empty() {
            return Err(KeystoreError::Certificates);
        }
        Ok(Self { key, chain, trusted, created })
    }

    /// True if there are trusted certificates, and with them trust stores.
    pub(crate) fn has_trusted(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Returns a source of salts for one store.
    fn salts(&self, purpose: &str, password: &str) -> Salts {
        let mut parts = vec![purpose.as_bytes(), password.as_bytes(), self.key.pkcs8()];
        parts.extend(self.chain.iter().chain(&self.trusted).map(Vec::as_slice));
        Salts { seed: fingerprint(&parts), used: 0 }
    }
}

/// Returns a hash of everything that a store is made from.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A source of bytes that differ for each store and each use.
struct Salts {
    seed: [u8; 32],
    used: u32,
}

impl Salts {
    /// Returns the next `N` bytes, at most 32.
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.used.to_be_bytes());
        self.used += 1;
        let mut out = [0; N];
        out.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        out
    }
}

/// Returns a text in UTF-16, with the most significant byte first.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests;

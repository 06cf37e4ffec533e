//! Private keys of certificates and accounts.

use super::asn1;
use super::der::{self, Inside};
use crate::objects::{Algorithm, Encoding, PrivateKeySpec};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pem::{EncodeConfig, LineEnding};
use pkcs8::ObjectIdentifier;
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize, SignatureAlgorithm, SigningKey as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::OnceLock;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The reason for which a key cannot be made or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrivateKeyError {
    /// No PEM block of a private key.
    #[error("error decoding private key PEM block")]
    NoPem,
    /// A block that is not a private key, or a key of an unknown kind.
    #[error("error parsing private key: {0}")]
    Malformed(String),
    /// A size that the algorithm does not have here.
    #[error("a key of {bits} bits cannot be made with {algorithm:?}: {allowed}")]
    Size {
        /// The algorithm.
        algorithm: Algorithm,
        /// The size asked for.
        bits: u32,
        /// The sizes that are possible.
        allowed: &'static str,
    },
    /// A failure of the generation itself.
    #[error("the key could not be made: {0}")]
    Generation(String),
    /// A failure of a signature.
    #[error("the key could not sign: {0}")]
    Signing(String),
}

/// A private key. `Debug` does not print it.
pub struct PrivateKey {
    pair: KeyPair,
    pkcs8: Vec<u8>,
    /// Cached, because every plan needs it.
    thumbprint: OnceLock<Option<String>>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

/// Makes a key of a size that rcgen does not make.
fn rsa_8192() -> Result<PrivateKey, PrivateKeyError> {
    let failed = |error: &dyn fmt::Display| PrivateKeyError::Generation(error.to_string());
    let key = rsa::KeyPair::generate(rsa::KeySize::Rsa8192).map_err(|error| failed(&error))?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|error| failed(&error))?;
    let pkcs8 = der.as_ref().to_vec();
    let pair = KeyPair::try_from(&PrivatePkcs8KeyDer::from(pkcs8.as_slice())).map_err(|error| failed(&error))?;
    Ok(PrivateKey { pair, pkcs8, thumbprint: OnceLock::new() })
}

impl PrivateKey {
    /// Makes a key. RSA takes long: do not call it on a thread that serves requests.
    ///
    /// # Errors
    /// [`PrivateKeyError::Size`], [`PrivateKeyError::Generation`].
    pub fn generate(spec: &PrivateKeySpec) -> Result<Self, PrivateKeyError> {
        let algorithm = spec.algorithm.unwrap_or_default();
        let bits = size(spec);
        let refused = |allowed| PrivateKeyError::Size { algorithm, bits, allowed };
        let pair = match algorithm {
            Algorithm::RSA => {
                let size = match bits {
                    2048 => RsaKeySize::_2048,
                    3072 => RsaKeySize::_3072,
                    4096 => RsaKeySize::_4096,
                    8192 => return rsa_8192(),
                    _ => return Err(refused("sizes are 2048, 3072, 4096 and 8192")),
                };
                KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
            }
            Algorithm::ECDSA => {
                KeyPair::generate_for(curve(bits).ok_or_else(|| refused("sizes are 256, 384 and 521"))?)
            }
            Algorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
        };
        let pair = pair.map_err(|error| PrivateKeyError::Generation(error.to_string()))?;
        let pkcs8 = pair.serialize_der();
        Ok(Self { pair, pkcs8, thumbprint: OnceLock::new() })
    }

    /// Reads a key in PKCS#8, PKCS#1 or SEC 1.
    ///
    /// # Errors
    /// [`PrivateKeyError::NoPem`], [`PrivateKeyError::Malformed`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, PrivateKeyError> {
        let malformed = |error: &dyn fmt::Display| PrivateKeyError::Malformed(error.to_string());
        let pkcs8 = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| PrivateKeyError::NoPem)? {
            PrivateKeyDer::Pkcs8(key) => key.secret_pkcs8_der().to_vec(),
            PrivateKeyDer::Pkcs1(key) => der::wrap_rsa(key.secret_pkcs1_der()).map_err(|e| malformed(&e))?,
            PrivateKeyDer::Sec1(key) => der::wrap_ec(key.secret_sec1_der()).map_err(|e| malformed(&e))?,
            _ => return Err(PrivateKeyError::Malformed("unknown form".to_owned())),
        };
        let pair = KeyPair::try_from(&PrivatePkcs8KeyDer::from(pkcs8.as_slice())).map_err(|e| malformed(&e))?;
        Ok(Self { pair, pkcs8, thumbprint: OnceLock::new() })
    }

    /// The key pair, for signing.
    #[must_use]
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// PKCS#8 as DER.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key, as DER (SubjectPublicKeyInfo).
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// The key as PEM. Ed25519 has no other form than PKCS#8.
    #[must_use]
    pub fn to_pem(&self, encoding: Encoding) -> String {
        let inside = if encoding == Encoding::PKCS1 { der::open_pkcs8(&self.pkcs8).ok() } else { None };
        match inside {
            Some(Inside::Rsa(key)) => pem_block("RSA PRIVATE KEY", key),
            Some(Inside::Ec(key, curve)) => match der::sec1_with_curve(key, curve, self.pair.public_key_raw()) {
                Ok(key) => pem_block("EC PRIVATE KEY", &key),
                Err(_) => pem_block("PRIVATE KEY", &self.pkcs8),
            },
            Some(Inside::Other) | None => pem_block("PRIVATE KEY", &self.pkcs8),
        }
    }

    /// Returns the fields of the spec that the key does not meet.
    #[must_use]
    pub fn violations(&self, spec: Option<&PrivateKeySpec>) -> Vec<&'static str> {
        self.facts().violations(spec)
    }

    /// What is known of the key without itself.
    #[must_use]
    pub fn facts(&self) -> KeyFacts {
        KeyFacts { public_key: self.public_key(), kind: self.kind() }
    }

    /// Returns the algorithm, if it is known, and the size in bits.
    #[must_use]
    pub fn kind(&self) -> (Option<Algorithm>, u32) {
        let spki = self.public_key();
        let Ok((_, spki)) = SubjectPublicKeyInfo::from_der(&spki) else {
            return (None, 0);
        };
        match spki.parsed() {
            Ok(PublicKey::RSA(key)) => (Some(Algorithm::RSA), u32::try_from(key.key_size()).unwrap_or(0)),
            Ok(PublicKey::EC(_)) if self.pair.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256) => {
                (Some(Algorithm::ECDSA), 256)
            }
            Ok(PublicKey::EC(_)) if self.pair.is_compatible(&rcgen::PKCS_ECDSA_P384_SHA384) => {
                (Some(Algorithm::ECDSA), 384)
            }
            Ok(PublicKey::EC(_)) => (Some(Algorithm::ECDSA), 521),
            _ if self.pair.is_compatible(&rcgen::PKCS_ED25519) => (Some(Algorithm::Ed25519), 256),
            _ => (None, 0),
        }
    }

    /// Returns a body with its signature, as certificates and signing requests are: the body, the algorithm, the bits.
    ///
    /// # Errors
    /// [`PrivateKeyError::Signing`].
    pub(super) fn signed(&self, body: Vec<u8>) -> Result<Vec<u8>, PrivateKeyError> {
        let algorithm = self.signature_algorithm()?;
        let signature = self.pair.sign(&body).map_err(|error| PrivateKeyError::Signing(error.to_string()))?;
        Ok(asn1::sequence(&[body, algorithm, asn1::bits(&signature)]))
    }

    /// Returns the algorithm by which the key signs, as DER (RFC 3279, RFC 4055, RFC 5758, RFC 8410).
    ///
    /// # Errors
    /// [`PrivateKeyError::Signing`] for a key of an unknown kind.
    pub(super) fn signature_algorithm(&self) -> Result<Vec<u8>, PrivateKeyError> {
        let unknown = || PrivateKeyError::Signing("it is of an unknown kind".to_owned());
        let oid = match self.kind() {
            (Some(Algorithm::RSA), _) => "1.2.840.113549.1.1.11",
            (Some(Algorithm::ECDSA), 256) => "1.2.840.10045.4.3.2",
            (Some(Algorithm::ECDSA), 384) => "1.2.840.10045.4.3.3",
            (Some(Algorithm::ECDSA), _) => "1.2.840.10045.4.3.4",
            (Some(Algorithm::Ed25519), _) => "1.3.101.112",
            (None, _) => return Err(unknown()),
        };
        let parameters = if oid.starts_with("1.2.840.113549") { asn1::value(asn1::NULL, &[]) } else { Vec::new() };
        let oid = ObjectIdentifier::new(oid).map_err(|_| unknown())?;
        Ok(asn1::sequence(&[asn1::oid(oid), parameters]))
    }

    /// The thumbprint of the key as a JSON web key (RFC 7638); `None` for keys other than P-256, which cannot sign for
    /// accounts here.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        self.thumbprint.get_or_init(|| self.compute_thumbprint()).clone()
    }

    fn compute_thumbprint(&self) -> Option<String> {
        if self.kind() != (Some(Algorithm::ECDSA), 256) {
            return None;
        }
        let point = self.pair.public_key_raw().strip_prefix(&[4])?;
        let (x, y) = point.split_at_checked(32)?;
        let jwk = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(x),
            URL_SAFE_NO_PAD.encode(y)
        );
        Some(URL_SAFE_NO_PAD.encode(Sha256::digest(jwk)))
    }

    /// The key's hash in an issuer's status: SHA-256 in base64. For RSA it is that of the PKCS#1 key, as cert-manager
    /// writes it; for others that of the public key, because their private key has several encodings.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match der::open_pkcs8(&self.pkcs8) {
            Ok(Inside::Rsa(key)) => STANDARD.encode(Sha256::digest(key)),
            _ => STANDARD.encode(Sha256::digest(self.public_key())),
        }
    }
}

/// What a certificate is compared with: a key without its secret part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFacts {
    /// The public key, as DER (SubjectPublicKeyInfo).
    pub public_key: Vec<u8>,
    kind: (Option<Algorithm>, u32),
}

impl KeyFacts {
    /// Returns the fields of the spec that the key does not meet.
    #[must_use]
    pub fn violations(&self, spec: Option<&PrivateKeySpec>) -> Vec<&'static str> {
        let spec = spec.cloned().unwrap_or_default();
        let (algorithm, bits) = self.kind;
        if algorithm != Some(spec.algorithm.unwrap_or_default()) {
            return vec!["spec.privateKey.algorithm"];
        }
        if algorithm != Some(Algorithm::Ed25519) && bits != size(&spec) {
            return vec!["spec.privateKey.size"];
        }
        Vec::new()
    }
}

fn size(spec: &PrivateKeySpec) -> u32 {
    let default = if spec.algorithm == Some(Algorithm::ECDSA) { 256 } else { 2048 };
    spec.size.filter(|bits| *bits > 0).unwrap_or(default)
}

fn curve(bits: u32) -> Option<&'static SignatureAlgorithm> {
    match bits {
        256 => Some(&rcgen::PKCS_ECDSA_P256_SHA256),
        384 => Some(&rcgen::PKCS_ECDSA_P384_SHA384),
        521 => Some(&rcgen::PKCS_ECDSA_P521_SHA512),
        _ => None,
    }
}

/// Returns a PEM block with lines of 64 characters (RFC 7468).
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    pem::encode_config(&pem::Pem::new(label, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

//! Signatures of certificates and signing requests.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";

/// Returns how a signature is checked; `None` for algorithms that are not used any longer, or not known.
fn algorithm(name: &str, curve: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (name, curve) {
        ("1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.113549.1.1.12", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        ("1.2.840.10045.4.3.2", P256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.2", P384) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.2", P521) => &signature::ECDSA_P521_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P256) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.3", P384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.3", P521) => &signature::ECDSA_P521_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", P521) => &signature::ECDSA_P521_SHA512_ASN1,
        ("1.3.101.112", _) => &signature::ED25519,
        _ => return None,
    })
}

/// True if `key` has signed `body`.
pub(super) fn is_signed(
    body: &[u8],
    signed_with: &AlgorithmIdentifier<'_>,
    signature: &[u8],
    key: &SubjectPublicKeyInfo<'_>,
) -> bool {
    let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.clone().oid().ok());
    let curve = curve.map(|curve| curve.to_id_string()).unwrap_or_default();
    let Some(algorithm) = algorithm(&signed_with.algorithm.to_id_string(), &curve) else { return false };
    UnparsedPublicKey::new(algorithm, &key.subject_public_key.data).verify(body, signature).is_ok()
}

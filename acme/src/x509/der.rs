//! The three forms of a private key (RFC 5208, RFC 8017 A.1.2, RFC 5915) and conversions between them.

use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _, Error, Tag};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use sec1::{EcParameters, EcPrivateKey};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The content of a PKCS#8 document.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Inside<'a> {
    /// A PKCS#1 key.
    Rsa(&'a [u8]),
    /// A SEC 1 key and its curve.
    Ec(&'a [u8], ObjectIdentifier),
    /// A key of another kind.
    Other,
}

/// Opens a PKCS#8 document.
pub(super) fn open_pkcs8(der: &[u8]) -> Result<Inside<'_>, pkcs8::Error> {
    let info = PrivateKeyInfoRef::try_from(der)?;
    let key = info.private_key.as_bytes();
    Ok(match info.algorithm.oid {
        RSA => Inside::Rsa(key),
        sec1::ALGORITHM_OID => Inside::Ec(key, info.algorithm.parameters_oid()?),
        _ => Inside::Other,
    })
}

/// Wraps a PKCS#1 key.
pub(super) fn wrap_rsa(pkcs1: &[u8]) -> Result<Vec<u8>, Error> {
    wrap(pkcs1, AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) })
}

/// Wraps a SEC 1 key that names its curve.
pub(super) fn wrap_ec(sec1: &[u8]) -> Result<Vec<u8>, Error> {
    let curve = EcPrivateKey::from_der(sec1)?.parameters.and_then(|curve| curve.named_curve());
    let curve = curve.ok_or_else(|| Tag::ObjectIdentifier.value_error())?;
    wrap(sec1, AlgorithmIdentifierRef { oid: sec1::ALGORITHM_OID, parameters: Some((&curve).into()) })
}

fn wrap(key: &[u8], algorithm: AlgorithmIdentifierRef<'_>) -> Result<Vec<u8>, Error> {
    PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key)?).to_der()
}

/// Adds the curve and the public key to a SEC 1 key: within PKCS#8 it may lack them, in its own file it must not.
pub(super) fn sec1_with_curve(sec1: &[u8], curve: ObjectIdentifier, point: &[u8]) -> Result<Vec<u8>, Error> {
    let inner = EcPrivateKey::from_der(sec1)?;
    EcPrivateKey { parameters: Some(EcParameters::NamedCurve(curve)), public_key: Some(point), ..inner }.to_der()
}

//! The three forms of a private key (RFC 5208, RFC 8017 A.1.2, RFC 5915) and conversions between them.

use yasna::models::ObjectIdentifier;
use yasna::{ASN1Error, ASN1ErrorKind, Tag};

const RSA: [u64; 7] = [1, 2, 840, 113_549, 1, 1, 1];
const EC: [u64; 6] = [1, 2, 840, 10_045, 2, 1];

/// The content of a PKCS#8 document.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Inside {
    /// A PKCS#1 key.
    Rsa(Vec<u8>),
    /// A SEC 1 key and its curve.
    Ec(Vec<u8>, ObjectIdentifier),
    /// A key of another kind.
    Other,
}

/// Opens a PKCS#8 document.
pub(super) fn open_pkcs8(der: &[u8]) -> Result<Inside, ASN1Error> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?;
            let (algorithm, curve) = reader.next().read_sequence(|reader| {
                let algorithm = reader.next().read_oid()?;
                let curve = if algorithm == ObjectIdentifier::from_slice(&EC) {
                    Some(reader.next().read_oid()?)
                } else {
                    reader.read_optional(|reader| reader.read_der())?;
                    None
                };
                Ok((algorithm, curve))
            })?;
            let key = reader.next().read_bytes()?;
            // Attributes and a public key may follow.
            while reader.read_optional(|reader| reader.read_der())?.is_some() {}
            Ok(match curve {
                Some(curve) => Inside::Ec(key, curve),
                None if algorithm == ObjectIdentifier::from_slice(&RSA) => Inside::Rsa(key),
                None => Inside::Other,
            })
        })
    })
}

/// Wraps a PKCS#1 key.
pub(super) fn wrap_rsa(pkcs1: &[u8]) -> Vec<u8> {
    wrap(pkcs1, |writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(&RSA));
        writer.next().write_null();
    })
}

/// Wraps a SEC 1 key that names its curve.
pub(super) fn wrap_ec(sec1: &[u8]) -> Result<Vec<u8>, ASN1Error> {
    let curve = read_sec1(sec1)?.1.ok_or_else(|| ASN1Error::new(ASN1ErrorKind::Invalid))?;
    Ok(wrap(sec1, |writer| {
        writer.next().write_oid(&ObjectIdentifier::from_slice(&EC));
        writer.next().write_oid(&curve);
    }))
}

fn wrap(key: &[u8], algorithm: impl FnOnce(&mut yasna::DERWriterSeq<'_>)) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_sequence(algorithm);
            writer.next().write_bytes(key);
        });
    })
}

/// Adds the curve and the public key to a SEC 1 key: within PKCS#8 it may lack them, in its own file it must not.
pub(super) fn sec1_with_curve(sec1: &[u8], curve: &ObjectIdentifier, point: &[u8]) -> Result<Vec<u8>, ASN1Error> {
    let (secret, _) = read_sec1(sec1)?;
    Ok(yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(1);
            writer.next().write_bytes(&secret);
            writer.next().write_tagged(Tag::context(0), |writer| writer.write_oid(curve));
            writer.next().write_tagged(Tag::context(1), |writer| {
                writer.write_bitvec_bytes(point, point.len() * 8);
            });
        });
    }))
}

fn read_sec1(der: &[u8]) -> Result<(Vec<u8>, Option<ObjectIdentifier>), ASN1Error> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?;
            let secret = reader.next().read_bytes()?;
            let curve =
                reader.read_optional(|reader| reader.read_tagged(Tag::context(0), |reader| reader.read_oid()))?;
            reader.read_optional(|reader| reader.read_tagged(Tag::context(1), |reader| reader.read_der()))?;
            Ok((secret, curve))
        })
    })
}

//! PKCS#12 (RFC 7292), with the algorithms of cert-manager's three profiles.

use super::{Contents, KeystoreError, Salts, utf16};
use crate::objects::Pkcs12Profile;
use crate::x509::asn1;
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac, pbkdf2};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt as _, InnerIvInit as _, KeyInit as _};
use pkcs8::ObjectIdentifier;
use std::num::NonZeroU32;

const fn known(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const DATA: ObjectIdentifier = known("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = known("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = known("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = known("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: ObjectIdentifier = known("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: ObjectIdentifier = known("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = known("1.2.840.113549.1.9.21");
/// Java's mark of a certificate that is trusted, and for what.
const JAVA_TRUSTED: ObjectIdentifier = known("2.16.840.1.113894.746875.1.1");
const ANY_PURPOSE: ObjectIdentifier = known("2.5.29.37.0");
const RC2_40: ObjectIdentifier = known("1.2.840.113549.1.12.1.6");
const TRIPLE_DES: ObjectIdentifier = known("1.2.840.113549.1.12.1.3");
const PBES2: ObjectIdentifier = known("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = known("1.2.840.113549.1.5.12");
const HMAC_SHA256: ObjectIdentifier = known("1.2.840.113549.2.9");
const AES_256_CBC: ObjectIdentifier = known("2.16.840.1.101.3.4.1.42");
const SHA1: ObjectIdentifier = known("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = known("2.16.840.1.101.3.4.2.1");

/// Rounds of every derivation of a key, but that of old check sums.
const ROUNDS: u32 = 2048;

/// Purposes of derived bytes (RFC 7292 B.3).
const FOR_KEY: u8 = 1;
const FOR_VECTOR: u8 = 2;
const FOR_CHECKSUM: u8 = 3;

/// How a part is encrypted.
#[derive(Clone, Copy)]
enum Cipher {
    Rc2,
    TripleDes,
    Aes,
}

/// A password in both forms that PKCS#12 needs.
struct Password<'a> {
    text: &'a str,
    /// In UTF-16, with a zero at its end.
    wide: Vec<u8>,
}

impl<'a> Password<'a> {
    fn new(text: &'a str) -> Result<Self, KeystoreError> {
        if text.chars().any(|sign| sign > '\u{ffff}') {
            return Err(KeystoreError::Password);
        }
        let mut wide = utf16(text);
        wide.extend([0, 0]);
        Ok(Self { text, wide })
    }
}

/// Checks a password.
///
/// # Errors
/// [`KeystoreError::Password`].
pub(crate) fn check_password(password: &str) -> Result<(), KeystoreError> {
    Password::new(password).map(drop)
}

/// Returns a store with the key, its chain and the trusted certificates.
///
/// # Errors
/// [`KeystoreError::Password`], [`KeystoreError::Encryption`].
pub(crate) fn key_store(
    contents: &Contents<'_>,
    password: &str,
    profile: Pkcs12Profile,
) -> Result<Vec<u8>, KeystoreError> {
    let mut salts = contents.salts(&format!("pkcs12 key store {profile:?}"), password);
    let password = Password::new(password)?;
    let own = contents.chain.first().ok_or(KeystoreError::Certificates)?;
    let id = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, own);
    let id = asn1::value(asn1::OCTET_STRING, id.as_ref());
    let id = asn1::set(&[attribute(LOCAL_KEY_ID, &[id])]);
    let others = contents.chain.iter().skip(1).chain(&contents.trusted);
    let mut bags = vec![certificate_bag(own, id.clone())];
    bags.extend(others.map(|der| certificate_bag(der, Vec::new())));
    let certificates = encrypted(&bags, profile, &password, &mut salts)?;
    let (algorithm, key) = encrypt(key_cipher(profile), contents.key.pkcs8(), &password, &mut salts)?;
    let key = asn1::sequence(&[algorithm, asn1::value(asn1::OCTET_STRING, &key)]);
    let key = asn1::sequence(&[bag(KEY_BAG, key, id)]);
    Ok(store(&[certificates, data(&key)], profile, &password, &mut salts))
}

/// Returns a store with the trusted certificates.
///
/// # Errors
/// [`KeystoreError::Password`], [`KeystoreError::Encryption`].
pub(crate) fn trust_store(
    contents: &Contents<'_>,
    password: &str,
    profile: Pkcs12Profile,
) -> Result<Vec<u8>, KeystoreError> {
    let mut salts = contents.salts(&format!("pkcs12 trust store {profile:?}"), password);
    let password = Password::new(password)?;
    let bags = contents.trusted.iter().map(|der| {
        let name = x509_parser::parse_x509_certificate(der).map(|(_, read)| read.subject().to_string());
        let name = asn1::value(0x1e, &utf16(&name.unwrap_or_default()));
        let trusted = attribute(JAVA_TRUSTED, &[asn1::oid(ANY_PURPOSE)]);
        certificate_bag(der, asn1::set(&[attribute(FRIENDLY_NAME, &[name]), trusted]))
    });
    let certificates = encrypted(&bags.collect::<Vec<_>>(), profile, &password, &mut salts)?;
    Ok(store(&[certificates], profile, &password, &mut salts))
}

fn key_cipher(profile: Pkcs12Profile) -> Cipher {
    match profile {
        Pkcs12Profile::LegacyRC2 | Pkcs12Profile::LegacyDES => Cipher::TripleDes,
        Pkcs12Profile::Modern2023 => Cipher::Aes,
    }
}

fn certificate_cipher(profile: Pkcs12Profile) -> Cipher {
    match profile {
        Pkcs12Profile::LegacyRC2 => Cipher::Rc2,
        Pkcs12Profile::LegacyDES => Cipher::TripleDes,
        Pkcs12Profile::Modern2023 => Cipher::Aes,
    }
}

fn attribute(kind: ObjectIdentifier, values: &[Vec<u8>]) -> Vec<u8> {
    asn1::sequence(&[asn1::oid(kind), asn1::set(values)])
}

fn bag(kind: ObjectIdentifier, value: Vec<u8>, attributes: Vec<u8>) -> Vec<u8> {
    asn1::sequence(&[asn1::oid(kind), asn1::within(0, &value), attributes])
}

fn certificate_bag(der: &[u8], attributes: Vec<u8>) -> Vec<u8> {
    let value = asn1::within(0, &asn1::value(asn1::OCTET_STRING, der));
    bag(CERTIFICATE_BAG, asn1::sequence(&[asn1::oid(X509_CERTIFICATE), value]), attributes)
}

fn data(content: &[u8]) -> Vec<u8> {
    asn1::sequence(&[asn1::oid(DATA), asn1::within(0, &asn1::value(asn1::OCTET_STRING, content))])
}

fn encrypted(
    bags: &[Vec<u8>],
    profile: Pkcs12Profile,
    password: &Password<'_>,
    salts: &mut Salts,
) -> Result<Vec<u8>, KeystoreError> {
    let (algorithm, content) = encrypt(certificate_cipher(profile), &asn1::sequence(bags), password, salts)?;
    let content = asn1::sequence(&[asn1::oid(DATA), algorithm, asn1::as_context(0, &content)]);
    let content = asn1::sequence(&[asn1::unsigned(&[0]), content]);
    Ok(asn1::sequence(&[asn1::oid(ENCRYPTED_DATA), asn1::within(0, &content)]))
}

/// Returns the whole store: its parts, and a check sum under the password.
fn store(parts: &[Vec<u8>], profile: Pkcs12Profile, password: &Password<'_>, salts: &mut Salts) -> Vec<u8> {
    let parts = asn1::sequence(parts);
    let modern = profile == Pkcs12Profile::Modern2023;
    let (oid, algorithm, rounds, salt) = if modern {
        (SHA256, hmac::HMAC_SHA256, ROUNDS, salts.next::<16>().to_vec())
    } else {
        (SHA1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, 1, salts.next::<8>().to_vec())
    };
    let hash = algorithm.digest_algorithm();
    let key = derive(hash, &password.wide, &salt, FOR_CHECKSUM, rounds, hash.output_len());
    let sum = hmac::sign(&hmac::Key::new(algorithm, &key), &parts);
    let kind = asn1::sequence(&[asn1::oid(oid), asn1::value(asn1::NULL, &[])]);
    let sum = asn1::sequence(&[kind, asn1::value(asn1::OCTET_STRING, sum.as_ref())]);
    // One round is the default, which DER leaves out.
    let rounds = if rounds == 1 { Vec::new() } else { asn1::unsigned(&rounds.to_be_bytes()) };
    let check = asn1::sequence(&[sum, asn1::value(asn1::OCTET_STRING, &salt), rounds]);
    asn1::sequence(&[asn1::unsigned(&[3]), data(&parts), check])
}

/// Encrypts a part. Returns the algorithm with its parameters, and the result.
fn encrypt(
    cipher: Cipher,
    plain: &[u8],
    password: &Password<'_>,
    salts: &mut Salts,
) -> Result<(Vec<u8>, Vec<u8>), KeystoreError> {
    if let Cipher::Aes = cipher {
        return encrypt_aes(plain, password, salts);
    }
    let salt: [u8; 8] = salts.next();
    let derived =
        |purpose, length| derive(&digest::SHA1_FOR_LEGACY_USE_ONLY, &password.wide, &salt, purpose, ROUNDS, length);
    let vector = derived(FOR_VECTOR, 8);
    let failed = |_| KeystoreError::Encryption;
    let (oid, out) = if let Cipher::Rc2 = cipher {
        let block = rc2::Rc2::new_from_slice(&derived(FOR_KEY, 5)).map_err(failed)?;
        let mode = cbc::Encryptor::inner_iv_slice_init(block, &vector).map_err(failed)?;
        (RC2_40, mode.encrypt_padded_vec::<Pkcs7>(plain))
    } else {
        let block = des::TdesEde3::new_from_slice(&derived(FOR_KEY, 24)).map_err(failed)?;
        let mode = cbc::Encryptor::inner_iv_slice_init(block, &vector).map_err(failed)?;
        (TRIPLE_DES, mode.encrypt_padded_vec::<Pkcs7>(plain))
    };
    let salt = asn1::value(asn1::OCTET_STRING, &salt);
    let parameters = asn1::sequence(&[salt, asn1::unsigned(&ROUNDS.to_be_bytes())]);
    Ok((asn1::sequence(&[asn1::oid(oid), parameters]), out))
}

/// Encrypts by PBES2 (RFC 8018 §6.2) with AES-256.
fn encrypt_aes(plain: &[u8], password: &Password<'_>, salts: &mut Salts) -> Result<(Vec<u8>, Vec<u8>), KeystoreError> {
    let (salt, vector): ([u8; 16], [u8; 16]) = (salts.next(), salts.next());
    let mut key = [0; 32];
    let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.text.as_bytes(), &mut key);
    let failed = |_| KeystoreError::Encryption;
    let key = UnboundCipherKey::new(&AES_256, &key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7).map_err(failed)?;
    let mut out = plain.to_vec();
    key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(FixedLength::from(vector))).map_err(failed)?;
    let octets = |bytes: &[u8]| asn1::value(asn1::OCTET_STRING, bytes);
    let hash = asn1::sequence(&[asn1::oid(HMAC_SHA256), asn1::value(asn1::NULL, &[])]);
    let derivation = asn1::sequence(&[octets(&salt), asn1::unsigned(&ROUNDS.to_be_bytes()), hash]);
    let derivation = asn1::sequence(&[asn1::oid(PBKDF2), derivation]);
    let cipher = asn1::sequence(&[asn1::oid(AES_256_CBC), octets(&vector)]);
    let parameters = asn1::sequence(&[derivation, cipher]);
    Ok((asn1::sequence(&[asn1::oid(PBES2), parameters]), out))
}

/// Derives bytes from a password in UTF-16 (RFC 7292 B.2).
fn derive(
    hash: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    purpose: u8,
    rounds: u32,
    length: usize,
) -> Vec<u8> {
    let block = hash.block_len();
    let filled =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect() };
    let mut input = [filled(salt), filled(password)].concat();
    let mut out = Vec::new();
    while out.len() < length {
        let mut step = digest::digest(hash, &[&vec![purpose; block], &*input].concat());
        for _ in 1..rounds {
            step = digest::digest(hash, step.as_ref());
        }
        out.extend_from_slice(step.as_ref());
        let addend: Vec<u8> = step.as_ref().iter().copied().cycle().take(block).collect();
        input.chunks_mut(block).for_each(|part| add(part, &addend));
    }
    out.truncate(length);
    out
}

/// Adds a number and 1 to another, both with the most significant byte first.
fn add(to: &mut [u8], number: &[u8]) {
    let mut carry = 1;
    for (to, byte) in to.iter_mut().zip(number).rev() {
        let sum = u16::from(*to) + u16::from(*byte) + carry;
        *to = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
}

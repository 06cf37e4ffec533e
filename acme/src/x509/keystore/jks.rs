//! Java's own form of key stores, JKS: as `sun.security.provider.JavaKeyStore` reads it.

use super::{Contents, KeystoreError, utf16};
use crate::x509::asn1;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use jiff::Timestamp;
use pkcs8::ObjectIdentifier;

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const VERSION: u32 = 2;
const PRIVATE_KEY: u32 = 1;
const TRUSTED: u32 = 2;
/// The type of every certificate.
const X509: &str = "X.509";
/// The word that Java hashes into every store.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// Sun's way to protect keys.
const KEY_PROTECTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");

/// Returns a store with the key under an alias, and the trusted certificates as `ca`, `ca-1` …
///
/// # Errors
/// [`KeystoreError::Alias`].
pub(crate) fn key_store(contents: &Contents<'_>, password: &str, alias: &str) -> Result<Vec<u8>, KeystoreError> {
    let salt = contents.salts(&format!("jks key store {alias}"), password).next();
    let mut entry = Vec::new();
    number(&mut entry, PRIVATE_KEY);
    text(&mut entry, &alias.to_lowercase())?;
    time(&mut entry, contents.created);
    block(&mut entry, &protected(contents.key.pkcs8(), &utf16(password), salt));
    number(&mut entry, count(contents.chain.len()));
    for der in &contents.chain {
        text(&mut entry, X509)?;
        block(&mut entry, der);
    }
    let mut entries = vec![entry];
    entries.extend(trusted(contents)?);
    Ok(store(&entries, password))
}

/// Returns a store with the trusted certificates.
///
/// # Errors
/// None that can happen: the aliases are short.
pub(crate) fn trust_store(contents: &Contents<'_>, password: &str) -> Result<Vec<u8>, KeystoreError> {
    Ok(store(&trusted(contents)?, password))
}

fn trusted(contents: &Contents<'_>) -> Result<Vec<Vec<u8>>, KeystoreError> {
    let mut entries = Vec::new();
    for (index, der) in contents.trusted.iter().enumerate() {
        let mut entry = Vec::new();
        number(&mut entry, TRUSTED);
        text(&mut entry, &if index == 0 { "ca".to_owned() } else { format!("ca-{index}") })?;
        time(&mut entry, contents.created);
        text(&mut entry, X509)?;
        block(&mut entry, der);
        entries.push(entry);
    }
    Ok(entries)
}

fn store(entries: &[Vec<u8>], password: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    number(&mut out, VERSION);
    number(&mut out, count(entries.len()));
    entries.iter().for_each(|entry| out.extend_from_slice(entry));
    let check = sha1(&[&utf16(password), WHITENER, &out]);
    out.extend(check);
    out
}

/// Encrypts a key: the salt, the key under a stream of hashes, and a hash by which Java knows the right password.
fn protected(key: &[u8], password: &[u8], salt: [u8; 20]) -> Vec<u8> {
    let mut out = salt.to_vec();
    let mut pad = salt;
    for part in key.chunks(20) {
        pad = sha1(&[password, &pad]);
        out.extend(part.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
    }
    out.extend(sha1(&[password, key]));
    let algorithm = asn1::sequence(&[asn1::oid(KEY_PROTECTOR), asn1::value(asn1::NULL, &[])]);
    asn1::sequence(&[algorithm, asn1::value(asn1::OCTET_STRING, &out)])
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 20];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn number(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_be_bytes());
}

fn time(out: &mut Vec<u8>, at: Timestamp) {
    out.extend(at.as_millisecond().to_be_bytes());
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, count(bytes.len()));
    out.extend_from_slice(bytes);
}

/// Checks a name of an entry.
///
/// # Errors
/// [`KeystoreError::Alias`].
pub(crate) fn check_alias(alias: &str) -> Result<(), KeystoreError> {
    text(&mut Vec::new(), &alias.to_lowercase())
}

/// Writes a text as `DataOutput.writeUTF` does, for signs up to U+FFFF.
fn text(out: &mut Vec<u8>, text: &str) -> Result<(), KeystoreError> {
    let length = u16::try_from(text.len()).map_err(|_| KeystoreError::Alias)?;
    out.extend(length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

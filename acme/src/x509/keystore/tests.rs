#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::objects::{Algorithm, CertificateSpec, Pkcs12Profile, PrivateKeySpec};
use crate::x509::temporary;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn key() -> PrivateKey {
    let spec = PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() };
    PrivateKey::generate(&spec).unwrap()
}

fn pem(key: &PrivateKey) -> String {
    let spec = CertificateSpec { dns_names: vec!["a.example".to_owned()], ..CertificateSpec::default() };
    temporary::temporary(&spec, key, now()).unwrap()
}

const PROFILES: [Pkcs12Profile; 3] = [Pkcs12Profile::LegacyRC2, Pkcs12Profile::LegacyDES, Pkcs12Profile::Modern2023];

/// Every store of some contents.
fn all(contents: &Contents<'_>, password: &str) -> Vec<Vec<u8>> {
    let mut stores =
        vec![jks_key_store(contents, password, "a").unwrap(), jks_trust_store(contents, password).unwrap()];
    for profile in PROFILES {
        stores.push(pkcs12_key_store(contents, password, profile).unwrap());
        stores.push(pkcs12_trust_store(contents, password, profile).unwrap());
    }
    stores
}

#[test]
fn the_same_content_gives_the_same_store_and_another_password_another_one() {
    let key = key();
    let chain = pem(&key);
    let contents = Contents::read(&key, chain.as_bytes(), chain.as_bytes(), now()).unwrap();
    let (one, again, other) = (all(&contents, "secret"), all(&contents, "secret"), all(&contents, "Secret"));
    assert_eq!(one, again);
    for (index, (one, other)) in one.iter().zip(&other).enumerate() {
        assert_ne!(one, other, "{index}");
        // Neither the key nor, in PKCS#12, a certificate can be read in it.
        let parts = if index < 2 { vec![key.pkcs8()] } else { vec![key.pkcs8(), &contents.chain[0]] };
        assert!(parts.iter().all(|part| !one.windows(part.len()).any(|window| window == *part)), "{index}");
    }
}

#[test]
fn a_store_in_javas_form_is_whole() {
    let key = key();
    let chain = pem(&key);
    let contents = Contents::read(&key, chain.as_bytes(), b"", now()).unwrap();
    assert!(!contents.has_trusted());
    let store = jks_key_store(&contents, "secret", "Main").unwrap();
    // Magic, version 2, one entry, a key, its alias in lower case, its time.
    assert_eq!(store[..16], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(&store[16..22], b"\0\x04main");
    assert_eq!(store[22..30], now().as_millisecond().to_be_bytes());
    let long = "x".repeat(70_000);
    assert_eq!(jks_key_store(&contents, "secret", &long), Err(KeystoreError::Alias));
}

#[test]
fn what_cannot_be_in_a_store_is_refused() {
    let key = key();
    let chain = pem(&key);
    let contents = Contents::read(&key, chain.as_bytes(), b"", now()).unwrap();
    for profile in PROFILES {
        assert_eq!(pkcs12_key_store(&contents, "🔑", profile), Err(KeystoreError::Password));
    }
    assert!(jks_key_store(&contents, "🔑", "a").is_ok(), "Java's own form takes every text");
    for (chain, trusted) in [("", ""), ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "")] {
        let read = Contents::read(&key, chain.as_bytes(), trusted.as_bytes(), now());
        assert_eq!(read.err(), Some(KeystoreError::Certificates));
    }
}

#![allow(clippy::unwrap_used, reason = "tests")]

use super::key::{PrivateKey, PrivateKeyError};
use super::{Leaf, LeafError, chain, csr, temporary};
use crate::objects::{Algorithm, CertificateSpec, Encoding, PrivateKeySpec};
use jiff::Timestamp;

fn key(algorithm: Algorithm, size: Option<u32>) -> PrivateKey {
    PrivateKey::generate(&PrivateKeySpec { algorithm: Some(algorithm), size, ..PrivateKeySpec::default() }).unwrap()
}

fn spec() -> CertificateSpec {
    CertificateSpec {
        common_name: "a.example".to_owned(),
        dns_names: vec!["a.example".to_owned(), "b.example".to_owned()],
        ip_addresses: vec!["192.0.2.7".to_owned(), "2001:db8::1".to_owned()],
        ..CertificateSpec::default()
    }
}

#[test]
fn keys_survive_every_form() {
    for (algorithm, size, label) in [
        (Algorithm::RSA, None, "RSA PRIVATE KEY"),
        (Algorithm::ECDSA, None, "EC PRIVATE KEY"),
        (Algorithm::ECDSA, Some(384), "EC PRIVATE KEY"),
        (Algorithm::ECDSA, Some(521), "EC PRIVATE KEY"),
        (Algorithm::Ed25519, None, "PRIVATE KEY"),
    ] {
        let key = key(algorithm, size);
        let old = key.to_pem(Encoding::PKCS1);
        assert!(old.starts_with(&format!("-----BEGIN {label}-----\n")), "{algorithm:?}: {old}");
        let new = key.to_pem(Encoding::PKCS8);
        assert!(new.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        for pem in [old, new] {
            let read = PrivateKey::from_pem(pem.as_bytes()).unwrap();
            assert_eq!(read.public_key(), key.public_key(), "{algorithm:?} {size:?}");
            assert_eq!(read.kind(), key.kind());
            assert_eq!(read.fingerprint(), key.fingerprint());
        }
    }
}

#[test]
fn a_key_is_held_against_the_wishes() {
    let rsa = key(Algorithm::RSA, None);
    assert!(rsa.violations(None).is_empty());
    let wish = |algorithm, size| PrivateKeySpec { algorithm, size, ..PrivateKeySpec::default() };
    assert_eq!(rsa.violations(Some(&wish(None, Some(4096)))), ["spec.privateKey.size"]);
    assert_eq!(rsa.violations(Some(&wish(Some(Algorithm::ECDSA), None))), ["spec.privateKey.algorithm"]);
    let ec = key(Algorithm::ECDSA, Some(384));
    assert!(ec.violations(Some(&wish(Some(Algorithm::ECDSA), Some(384)))).is_empty());
    assert_eq!(ec.violations(Some(&wish(Some(Algorithm::ECDSA), None))), ["spec.privateKey.size"]);
}

#[test]
fn impossible_keys_are_refused() {
    for (algorithm, bits) in [(Algorithm::RSA, 1024), (Algorithm::RSA, 1024), (Algorithm::ECDSA, 224)] {
        let spec = PrivateKeySpec { algorithm: Some(algorithm), size: Some(bits), ..PrivateKeySpec::default() };
        assert!(matches!(PrivateKey::generate(&spec), Err(PrivateKeyError::Size { .. })));
    }
    assert_eq!(PrivateKey::from_pem(b"no key").unwrap_err(), PrivateKeyError::NoPem);
    let broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(PrivateKey::from_pem(broken), Err(PrivateKeyError::Malformed(_))));
}

#[test]
fn thumbprint_is_that_of_rfc_7638() {
    // A P-256 key has a thumbprint of 43 characters that depends on the key alone.
    let key = key(Algorithm::ECDSA, None);
    let again = PrivateKey::from_pem(key.to_pem(Encoding::PKCS1).as_bytes()).unwrap();
    assert_eq!(key.thumbprint().unwrap().len(), 43);
    assert_eq!(key.thumbprint(), again.thumbprint());
    assert_eq!(self::key(Algorithm::RSA, None).thumbprint(), None);
    assert_eq!(self::key(Algorithm::ECDSA, Some(384)).thumbprint(), None);
}

#[test]
fn a_request_says_what_the_certificate_wants() {
    let key = key(Algorithm::ECDSA, None);
    let read = csr::Csr::from_base64(&csr::make(&spec(), &key).unwrap()).unwrap();
    assert_eq!(read.common_name, "a.example");
    assert_eq!(read.dns_names, ["a.example", "b.example"]);
    assert_eq!(read.ip_addresses, ["192.0.2.7", "2001:db8::1"]);
    assert_eq!(read.public_key, key.public_key());
    assert_eq!(csr::Csr::from_base64("bm9uc2Vuc2U="), Err(csr::CsrError::Malformed));
    let bad = CertificateSpec { ip_addresses: vec!["a.example".to_owned()], ..CertificateSpec::default() };
    assert_eq!(csr::make(&bad, &key), Err(csr::CsrError::Name("a.example".to_owned())));
}

#[test]
fn certificates_are_read_and_cut_off_chains_are_not() {
    let key = key(Algorithm::ECDSA, None);
    let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    let pem = temporary::temporary(&spec(), &key, now).unwrap();
    let leaf = Leaf::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(leaf.dns_names, ["a.example", "b.example"]);
    assert_eq!(leaf.ip_addresses, ["192.0.2.7", "2001:db8::1"]);
    assert_eq!(leaf.common_name, "cert-manager.local");
    assert_eq!(leaf.public_key, key.public_key());
    assert_eq!(leaf.not_before.to_string(), "2026-11-22T23:00:00Z");
    assert_eq!(leaf.lifetime().as_secs(), (24 * 90 + 1) * 3600);
    assert_eq!(chain::top_issuer(pem.as_bytes()).as_deref(), Some("cert-manager.local"));
    let two = format!("{pem}{pem}");
    assert_eq!(chain::check(two.as_bytes()).unwrap(), leaf);
    for cut in [two.len() - 10, two.len() - 60, pem.len() + 40, 40, 0] {
        assert!(chain::check(&two.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(Leaf::from_pem(b""), Err(LeafError::NoPem));
}

#[test]
fn a_tls_challenge_carries_the_digest() {
    let key = key(Algorithm::ECDSA, None);
    let der = temporary::challenge("a.example", "token.thumb", &key, Timestamp::now()).unwrap();
    let (_, cert) = x509_parser::parse_x509_certificate(&der).unwrap();
    let extension = cert.iter_extensions().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.31").unwrap();
    assert!(extension.critical);
    assert_eq!(extension.value.len(), 34);
    assert_eq!(Leaf::from_der(&der).unwrap().dns_names, ["a.example"]);
}

#[test]
#[ignore = "takes up to a minute"]
fn a_key_of_8192_bits_signs() {
    let spec = PrivateKeySpec { algorithm: Some(Algorithm::RSA), size: Some(8192), ..PrivateKeySpec::default() };
    let key = PrivateKey::generate(&spec).unwrap();
    assert_eq!(key.kind(), (Some(Algorithm::RSA), 8192));
    let read = PrivateKey::from_pem(key.to_pem(Encoding::PKCS1).as_bytes()).unwrap();
    assert_eq!(read.public_key(), key.public_key());
    let request = csr::for_names(&["a.example".to_owned()], &key).unwrap();
    assert_eq!(csr::Csr::from_base64(&request).unwrap().public_key, key.public_key());
    let der = rustls_pki_types::PrivateKeyDer::from(rustls_pki_types::PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()));
    assert!(rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).is_ok());
}

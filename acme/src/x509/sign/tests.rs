#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::objects::{Algorithm, CertificateSpec, NameConstraintItem, NameConstraints, OtherName, PrivateKeySpec};
use crate::x509::authority::{AuthorityError, is_signed_by};
use crate::x509::{Leaf, csr};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::sync::Arc;
use x509_parser::extensions::ParsedExtension;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn key(algorithm: Algorithm, size: Option<u32>) -> Arc<PrivateKey> {
    let spec = PrivateKeySpec { algorithm: Some(algorithm), size, ..PrivateKeySpec::default() };
    Arc::new(PrivateKey::generate(&spec).unwrap())
}

fn p256() -> Arc<PrivateKey> {
    key(Algorithm::ECDSA, None)
}

fn request(spec: &CertificateSpec, key: &PrivateKey) -> Csr {
    Csr::from_base64(&csr::make(spec, key).unwrap()).unwrap()
}

fn ca_spec(name: &str) -> CertificateSpec {
    CertificateSpec { common_name: name.to_owned(), is_ca: true, ..CertificateSpec::default() }
}

fn ca_terms() -> Terms {
    Terms { is_ca: true, ..Terms::default() }
}

fn root(key: &Arc<PrivateKey>) -> String {
    by_itself(&request(&ca_spec("root"), key), &ca_terms(), key, [1; 16], now()).unwrap().chain
}

fn read(pem: &str, key: &Arc<PrivateKey>) -> Result<Authority, AuthorityError> {
    Authority::read(pem.as_bytes(), b"", Arc::clone(key))
}

fn blocks(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

/// True if the first certificate is signed by the second.
fn is_below(one: &CertificateDer<'_>, above: &CertificateDer<'_>) -> bool {
    let (_, one) = x509_parser::parse_x509_certificate(one).unwrap();
    let (_, above) = x509_parser::parse_x509_certificate(above).unwrap();
    is_signed_by(&one, &above)
}

/// The kinds of a certificate's extensions, those that are critical with a mark.
fn extensions_of(der: &CertificateDer<'_>) -> Vec<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    let mark = |critical| if critical { "!" } else { "" };
    certificate.extensions().iter().map(|e| format!("{}{}", e.oid.to_id_string(), mark(e.critical))).collect()
}

#[test]
fn keys_of_every_kind_sign_themselves() {
    for (algorithm, size) in [
        (Algorithm::RSA, None),
        (Algorithm::ECDSA, None),
        (Algorithm::ECDSA, Some(384)),
        (Algorithm::ECDSA, Some(521)),
        (Algorithm::Ed25519, None),
    ] {
        let key = key(algorithm, size);
        let pem = root(&key);
        let [certificate] = &blocks(&pem)[..] else { panic!("{pem}") };
        let read = Authority::read(pem.as_bytes(), b"", Arc::clone(&key));
        assert!(read.unwrap().is_rooted, "{algorithm:?} {size:?}");
        let leaf = Leaf::from_pem(pem.as_bytes()).unwrap();
        assert_eq!((leaf.not_before, leaf.lifetime().as_secs()), (now(), 90 * 24 * 3600));
        assert_eq!(extensions_of(certificate), ["2.5.29.15!", "2.5.29.19!", "2.5.29.14"]);
    }
}

#[test]
fn a_certificate_has_what_its_request_and_its_issuer_say() {
    let ca = p256();
    let authority = read(&root(&ca), &ca).unwrap();
    let own = p256();
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let spec = CertificateSpec {
        dns_names: words(&["a.example", "*.b.example"]),
        ip_addresses: words(&["192.0.2.1", "2001:db8::1"]),
        uris: words(&["spiffe://x/y"]),
        email_addresses: words(&["a@b.example"]),
        other_names: vec![OtherName { oid: "1.3.6.1.4.1.311.20.2.3".to_owned(), utf8_value: "u@x".to_owned() }],
        usages: words(&["server auth", "client auth", "digital signature"]),
        ..CertificateSpec::default()
    };
    let terms = Terms {
        duration: Some(SignedDuration::from_hours(1)),
        usages: spec.usages.clone(),
        crl_distribution_points: words(&["http://crl.test/a"]),
        ocsp_servers: words(&["http://ocsp.test"]),
        issuing_certificate_urls: words(&["http://ca.test/a.crt"]),
        ..Terms::default()
    };
    let signed = by_authority(&request(&spec, &own), &terms, &authority, [0x80; 16], now()).unwrap();
    let [certificate] = &blocks(&signed.chain)[..] else { panic!("a root is not part of the chain") };
    let top = &blocks(&signed.ca)[0];
    assert!(is_below(certificate, top));
    let leaf = Leaf::from_der(certificate).unwrap();
    assert_eq!((&leaf.dns_names, &leaf.ip_addresses), (&spec.dns_names, &spec.ip_addresses));
    assert_eq!((&leaf.uris, &leaf.emails), (&spec.uris, &spec.email_addresses));
    assert_eq!(leaf.not_after.to_string(), "2026-11-23T13:00:00Z");
    assert_eq!(leaf.public_key, own.public_key());
    // Uses, purposes, no CA, the authority's key, its addresses, its lists, and critical names: there is no subject.
    assert_eq!(
        extensions_of(certificate),
        ["2.5.29.15!", "2.5.29.37", "2.5.29.19!", "2.5.29.35", "1.3.6.1.5.5.7.1.1", "2.5.29.31", "2.5.29.17!"]
    );
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    assert_eq!(parsed.tbs_certificate.raw_serial(), [&[0][..], &[0x80; 16]].concat());
    assert!(!parsed.is_ca());
    let purposes = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.server_auth && purposes.client_auth && !purposes.any);
    let lists = parsed.extensions().iter().filter(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => points.points.len() == 1,
        ParsedExtension::AuthorityInfoAccess(access) => access.accessdescs.len() == 2,
        _ => false,
    });
    assert_eq!(lists.count(), 2);
    assert!(leaf.ari_id.is_some(), "the id of the authority's key");
}

#[test]
fn a_chain_goes_up_to_the_root_which_is_not_in_it() {
    let (top, middle) = (p256(), p256());
    let root = root(&top);
    let authority = read(&root, &top).unwrap();
    let below = by_authority(&request(&ca_spec("middle"), &middle), &ca_terms(), &authority, [2; 16], now()).unwrap();
    let spec = CertificateSpec { dns_names: vec!["a.example".to_owned()], ..CertificateSpec::default() };
    let csr = request(&spec, &p256());
    let signed = |pem: &str, more: &str| {
        let authority = Authority::read(pem.as_bytes(), more.as_bytes(), Arc::clone(&middle)).unwrap();
        by_authority(&csr, &Terms::default(), &authority, [3; 16], now()).unwrap()
    };
    let whole = signed(&below.chain, &root);
    let chain = blocks(&whole.chain);
    assert_eq!(chain.len(), 2);
    assert!(is_below(&chain[0], &chain[1]) && is_below(&chain[1], &blocks(&whole.ca)[0]));
    assert_eq!(whole.ca, root);
    // Without the root, the topmost certificate that is known takes its place.
    let cut = signed(&below.chain, "");
    assert_eq!(blocks(&cut.chain).len(), 2);
    assert_eq!(blocks(&cut.ca), [chain[1].clone()]);
}

#[test]
fn what_cannot_sign_is_told() {
    let ca = p256();
    let root = root(&ca);
    assert_eq!(read(&root, &p256()).unwrap_err(), AuthorityError::OtherKey);
    assert_eq!(read("", &ca).unwrap_err(), AuthorityError::Malformed);
    let spec = CertificateSpec { common_name: "a".to_owned(), ..CertificateSpec::default() };
    let leaf = by_itself(&request(&spec, &ca), &Terms::default(), &ca, [1; 16], now()).unwrap();
    assert_eq!(read(&leaf.chain, &ca).unwrap_err(), AuthorityError::NotAuthority);
    let nameless = CertificateSpec { dns_names: vec!["a".to_owned()], is_ca: true, ..CertificateSpec::default() };
    let nameless = by_itself(&request(&nameless, &ca), &ca_terms(), &ca, [1; 16], now()).unwrap();
    assert_eq!(read(&nameless.chain, &ca).unwrap_err(), AuthorityError::NoSubject);
}

#[test]
fn a_request_that_contradicts_its_object_is_refused() {
    let own = p256();
    let spec = CertificateSpec { common_name: "a".to_owned(), ..CertificateSpec::default() };
    let csr = request(&spec, &own);
    let sign = |csr: &Csr, terms: &Terms| by_itself(csr, terms, &own, [1; 16], now());
    let other = Terms { usages: vec!["client auth".to_owned()], ..Terms::default() };
    assert_eq!(sign(&csr, &other), Err(SignError::Usages));
    assert_eq!(sign(&csr, &ca_terms()), Err(SignError::Usages));
    let silent = request(&CertificateSpec { encode_usages_in_request: Some(false), ..spec }, &own);
    assert!(sign(&silent, &other).is_ok() && sign(&silent, &ca_terms()).is_ok());
    let mut forged = csr.clone();
    let last = forged.der.len() - 1;
    forged.der[last] ^= 1;
    assert_eq!(sign(&forged, &Terms::default()), Err(SignError::Signature));
    let long = Terms { duration: Some(SignedDuration::MAX), ..Terms::default() };
    assert!(matches!(sign(&csr, &long), Err(SignError::Duration(_))));
    let url = Terms { crl_distribution_points: vec!["http://ü".to_owned()], ..Terms::default() };
    assert_eq!(sign(&csr, &url), Err(SignError::Url("http://ü".to_owned())));
}

#[test]
fn names_below_a_ca_can_be_constrained() {
    let item = NameConstraintItem {
        dns_domains: vec!["corp.example".to_owned()],
        ip_ranges: vec!["10.0.0.0/8".to_owned()],
        ..NameConstraintItem::default()
    };
    let constraints = NameConstraints { critical: true, permitted: Some(item), excluded: None };
    let spec = CertificateSpec { name_constraints: Some(constraints), ..ca_spec("root") };
    let key = p256();
    let csr = request(&spec, &key);
    assert!(csr.violations(&spec).is_empty());
    assert_eq!(csr.violations(&ca_spec("root")), ["spec.nameConstraints"]);
    let signed = by_itself(&csr, &ca_terms(), &key, [1; 16], now()).unwrap();
    let der = &blocks(&signed.chain)[0];
    assert!(extensions_of(der).contains(&"2.5.29.30!".to_owned()));
    let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
    assert_eq!(parsed.name_constraints().unwrap().unwrap().value.permitted_subtrees.as_ref().unwrap().len(), 2);
}

#![allow(clippy::unwrap_used, reason = "tests")]

use super::certificate::{Loaded, load};
use flow_model::config::Certificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// A self-signed certificate whose common name is `origin`.
fn certificate(origin: &str, names: &[&str]) -> Arc<Certificate> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, origin);
    let key = KeyPair::generate().unwrap();
    let chain = params.self_signed(&key).unwrap().pem().into_bytes();
    Arc::new(Certificate { origin: origin.into(), chain, key: key.serialize_pem().into_bytes() })
}

pub(crate) fn test_key(name: &str) -> Arc<CertifiedKey> {
    let Loaded { key, .. } = load(&certificate(name, &[name])).unwrap();
    key
}

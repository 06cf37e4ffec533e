#![allow(clippy::unwrap_used, reason = "tests")]

mod compile;
mod handshake;

use super::certificate::{Loaded, load};
use flow_model::config::Certificate;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// A self-signed certificate whose common name is `origin`.
fn certificate(origin: &str, names: &[&str]) -> Arc<Certificate> {
    certificate_with(origin, names, &KeyPair::generate().unwrap())
}

fn certificate_with(origin: &str, names: &[&str], key: &KeyPair) -> Arc<Certificate> {
    let chain = params(origin, names).self_signed(key).unwrap().pem().into_bytes();
    Arc::new(Certificate { origin: origin.into(), chain, key: key.serialize_pem().into_bytes() })
}

/// An authority that signs client certificates.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params("authority", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn test_key(name: &str) -> Arc<CertifiedKey> {
    let Loaded { key, .. } = load(&certificate(name, &[name])).unwrap();
    key
}

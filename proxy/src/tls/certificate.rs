use flow_model::config::Certificate;
use flow_model::name::Name;
use flow_model::runtime::CertificateInfo;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The reason why a certificate is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("the chain is not PEM: {0}")]
    Chain(rustls::pki_types::pem::Error),
    #[error("the chain holds no certificate")]
    Empty,
    #[error("the key is not PEM of a private key (PKCS #8, PKCS #1 or SEC 1): {0}")]
    Key(rustls::pki_types::pem::Error),
    #[error("the key is of a kind that cannot be used: {0}")]
    KeyKind(rustls::Error),
    #[error("the first certificate of the chain is malformed")]
    Leaf,
    #[error("the key does not belong to the first certificate of the chain")]
    Mismatch,
}

/// A certificate that can be served.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    /// What the API and the metrics show of it.
    pub(super) info: Arc<CertificateInfo>,
    /// The names for look-up: alternative names and the common name, in lower case, sorted.
    pub(super) names: Arc<[Arc<str>]>,
}

fn names_for_lookup(info: &CertificateInfo) -> Arc<[Arc<str>]> {
    let common = Some(&info.common_name).filter(|name| !name.is_empty());
    let names = info.names.iter().chain(common);
    let mut names: Vec<Arc<str>> = names.map(|name| name.to_ascii_lowercase().into()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// Reads a certificate and its key.
pub(super) fn load(certificate: &Certificate) -> Result<Loaded, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(&certificate.chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(CertificateError::Chain)?;
    let leaf = chain.first().ok_or(CertificateError::Empty)?;
    let info = read(leaf, &certificate.origin)?;
    let key = PrivateKeyDer::from_pem_slice(&certificate.key).map_err(CertificateError::Key)?;
    let key = any_supported_type(&key).map_err(CertificateError::KeyKind)?;
    let key = CertifiedKey::new(chain, key);
    match key.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(CertificateError::Mismatch),
        Err(rustls::Error::InconsistentKeys(_)) | Ok(()) => {
            Ok(Loaded { key: Arc::new(key), names: names_for_lookup(&info), info: Arc::new(info) })
        }
        Err(_) => Err(CertificateError::Leaf),
    }
}

fn read(leaf: &CertificateDer<'_>, origin: &Name) -> Result<CertificateInfo, CertificateError> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::Leaf)?;
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(alternatives)) = leaf.subject_alternative_name() {
        names.extend(alternatives.value.general_names.iter().filter_map(name));
    }
    names.sort_unstable();
    let common = |name: &x509_parser::x509::X509Name<'_>| -> String {
        name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().into()
    };
    let issuer = match common(leaf.issuer()) {
        issuer if issuer.is_empty() => {
            leaf.issuer().iter_organization().next().and_then(|name| name.as_str().ok()).unwrap_or_default().into()
        }
        issuer => issuer,
    };
    Ok(CertificateInfo {
        origin: Arc::clone(origin),
        common_name: common(leaf.subject()),
        issuer,
        not_after: leaf.validity().not_after.timestamp(),
        not_before: leaf.validity().not_before.timestamp(),
        serial: leaf.tbs_certificate.serial.to_string(),
        names,
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).into()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

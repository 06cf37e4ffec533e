use flow_model::config::Certificate;
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

/// The data of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateInfo {
    /// The subject's common name; empty if there is none.
    pub common_name: Box<str>,
    /// The issuer's common name, or its organisation; empty if there is neither.
    pub issuer: Box<str>,
    /// Seconds since 1970 after which it is not valid.
    pub not_after: i64,
    /// Seconds since 1970 before which it is not valid.
    pub not_before: i64,
    /// The serial number, in decimal.
    pub serial: Box<str>,
    /// The subject alternative names, DNS names and addresses, sorted.
    pub names: Box<[Box<str>]>,
}

/// A certificate that can be served.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) info: CertificateInfo,
}

impl Loaded {
    /// The names for look-up: alternative names and the common name, in lower case, sorted.
    pub(super) fn names(&self) -> Vec<Box<str>> {
        let common = Some(&self.info.common_name).filter(|name| !name.is_empty());
        let names = self.info.names.iter().chain(common);
        let mut names: Vec<Box<str>> = names.map(|name| name.to_ascii_lowercase().into()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Reads a certificate and its key.
pub(super) fn load(certificate: &Certificate) -> Result<Loaded, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(&certificate.chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(CertificateError::Chain)?;
    let leaf = chain.first().ok_or(CertificateError::Empty)?;
    let info = read(leaf)?;
    let key = PrivateKeyDer::from_pem_slice(&certificate.key).map_err(CertificateError::Key)?;
    let key = any_supported_type(&key).map_err(CertificateError::KeyKind)?;
    let key = CertifiedKey::new(chain, key);
    match key.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(CertificateError::Mismatch),
        Err(rustls::Error::InconsistentKeys(_)) | Ok(()) => Ok(Loaded { key: Arc::new(key), info }),
        Err(_) => Err(CertificateError::Leaf),
    }
}

fn read(leaf: &CertificateDer<'_>) -> Result<CertificateInfo, CertificateError> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::Leaf)?;
    let mut names: Vec<Box<str>> = Vec::new();
    if let Ok(Some(alternatives)) = leaf.subject_alternative_name() {
        names.extend(alternatives.value.general_names.iter().filter_map(name));
    }
    names.sort_unstable();
    let common = |name: &x509_parser::x509::X509Name<'_>| -> Box<str> {
        name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().into()
    };
    let issuer = match common(leaf.issuer()) {
        issuer if issuer.is_empty() => {
            leaf.issuer().iter_organization().next().and_then(|name| name.as_str().ok()).unwrap_or_default().into()
        }
        issuer => issuer,
    };
    Ok(CertificateInfo {
        common_name: common(leaf.subject()),
        issuer,
        not_after: leaf.validity().not_after.timestamp(),
        not_before: leaf.validity().not_before.timestamp(),
        serial: leaf.tbs_certificate.serial.to_string().into(),
        names: names.into(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<Box<str>> {
    match name {
        GeneralName::DNSName(name) => Some((*name).into()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string().into()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string().into()),
            _ => None,
        },
        _ => None,
    }
}

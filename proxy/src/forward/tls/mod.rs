//! TLS towards backends.

mod identity;
mod offer;
mod spiffe;
mod verifier;

pub use spiffe::SpiffeError;

use super::transport_error::TransportError;
use flow_model::config::{Certificate, ServersTransport};
use identity::Demand;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::{Arc, LazyLock};
use tokio_rustls::TlsConnector;
use verifier::{NameCheck, Verification, Verifier};

/// The system's authorities, read once. Unreadable ones are skipped, as by OpenSSL and Go.
static SYSTEM_ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's authorities cannot be read");
    }
    store.add_parsable_certificates(found.certs);
    Arc::new(store)
});

/// Connectors of one transport.
#[derive(Clone)]
pub(super) struct Clients {
    /// Offers HTTP/2 if configured.
    pub(super) negotiating: TlsConnector,
    /// Offers HTTP/1.1 only, for upgrades.
    pub(super) http1: TlsConnector,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clients")
    }
}

/// Builds both connectors. Adds to `findings` what is done otherwise than configured.
pub(super) fn clients(config: &ServersTransport, findings: &mut Vec<String>) -> Result<Clients, TransportError> {
    let (provider, versions) = offer::offer(config, findings)?;
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions)?;
    let builder = match verification(config)? {
        None => builder.with_root_certificates(roots(config)?),
        Some(verification) => {
            let verifier = Verifier { verification, provider: Arc::clone(&provider) };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let mut http1 = if config.certificates.is_empty() {
        builder.with_no_client_auth()
    } else {
        let keys = config.certificates.iter().map(|c| certified_key(c, &provider)).collect::<Result<_, _>>()?;
        builder.with_client_cert_resolver(Arc::new(ClientCertificates(keys)))
    };
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut negotiating = http1.clone();
    if !config.disable_http2 {
        negotiating.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(Clients { negotiating: TlsConnector::from(Arc::new(negotiating)), http1: TlsConnector::from(Arc::new(http1)) })
}

/// The verification of servers; `None` is that of a chain and a name, as usual.
fn verification(config: &ServersTransport) -> Result<Option<Verification>, TransportError> {
    let demand = Demand::of(config)?;
    Ok(match demand {
        None => config.insecure_skip_verify.then_some(Verification::Nothing),
        Some(demand) => {
            // As in Traefik: `insecureSkipVerify` waives the name alone where there is a demand.
            let replaced = config.insecure_skip_verify || matches!(demand, Demand::Spiffe(_));
            let name = if replaced { NameCheck::Replaced } else { NameCheck::Required };
            Some(Verification::Identity { roots: roots(config)?, demand, name })
        }
    })
}

fn roots(config: &ServersTransport) -> Result<Arc<RootCertStore>, TransportError> {
    if config.root_cas.is_empty() {
        return Ok(Arc::clone(&SYSTEM_ROOTS));
    }
    let mut store = RootCertStore::empty();
    for (index, pem) in config.root_cas.iter().enumerate() {
        let refuse = |reason: String| TransportError::RootCertificate { index, reason };
        let before = store.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
            store.add(certificate).map_err(|e| refuse(e.to_string()))?;
        }
        if store.len() == before {
            return Err(refuse("no certificate in it".to_owned()));
        }
    }
    Ok(Arc::new(store))
}

fn certified_key(certificate: &Certificate, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TransportError> {
    let refuse = |reason: String| TransportError::Certificate { origin: Box::from(&*certificate.origin), reason };
    let chain = CertificateDer::pem_slice_iter(&certificate.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| refuse(e.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&certificate.key).map_err(|e| refuse(e.to_string()))?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|e| refuse(e.to_string()))?;
    Ok(Arc::new(key))
}

/// Offers the first certificate whose key can sign what the server accepts.
#[derive(Debug)]
struct ClientCertificates(Vec<Arc<CertifiedKey>>);

impl ResolvesClientCert for ClientCertificates {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.iter().find(|certified| certified.key.choose_scheme(schemes).is_some()).cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

//! TLS towards backends.

use super::transport_error::TransportError;
use flow_model::config::{Certificate, ServersTransport};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::fmt;
use std::sync::{Arc, LazyLock};
use tokio_rustls::TlsConnector;

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

/// Builds both connectors.
pub(super) fn clients(config: &ServersTransport) -> Result<Clients, TransportError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = if config.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(Arc::clone(&provider))))
    } else {
        builder.with_root_certificates(roots(config)?)
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

/// `insecureSkipVerify`: accepts any certificate, but the handshake's signatures must be the certificate's.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

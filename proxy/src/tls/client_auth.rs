use flow_model::config::{ClientAuth, ClientAuthType};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// The reason why client authentication cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientAuthError {
    #[error("no authority is given to verify client certificates with")]
    NoAuthority,
    #[error("an authority of client certificates is not PEM of a certificate: {0}")]
    Pem(rustls::pki_types::pem::Error),
    #[error("an authority of client certificates cannot be used: {0}")]
    Root(Error),
    #[error("the authorities of client certificates cannot be used: {0}")]
    Verifier(VerifierBuilderError),
}

/// The verifier that `auth` asks for.
pub(super) fn verifier(
    auth: Option<&ClientAuth>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ClientAuthError> {
    let Some(auth) = auth else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let default = if auth.ca_files.is_empty() {
        ClientAuthType::NoClientCert
    } else {
        ClientAuthType::RequireAndVerifyClientCert
    };
    let algorithms = provider.signature_verification_algorithms;
    match auth.client_auth_type.unwrap_or(default) {
        ClientAuthType::NoClientCert => Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuthType::RequestClientCert => Ok(Arc::new(AnyCertificate { mandatory: false, algorithms })),
        ClientAuthType::RequireAnyClientCert => Ok(Arc::new(AnyCertificate { mandatory: true, algorithms })),
        ClientAuthType::RequireAndVerifyClientCert => verify(auth, provider, true),
        ClientAuthType::VerifyClientCertIfGiven => verify(auth, provider, false),
    }
}

fn verify(
    auth: &ClientAuth,
    provider: &Arc<CryptoProvider>,
    mandatory: bool,
) -> Result<Arc<dyn ClientCertVerifier>, ClientAuthError> {
    let mut roots = RootCertStore::empty();
    for pem in &auth.ca_files {
        for authority in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(authority.map_err(ClientAuthError::Pem)?).map_err(ClientAuthError::Root)?;
        }
    }
    if roots.is_empty() {
        return Err(ClientAuthError::NoAuthority);
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if mandatory { builder } else { builder.allow_unauthenticated() };
    builder.build().map(|verifier| verifier as _).map_err(ClientAuthError::Verifier)
}

/// Accepts any certificate, but requires proof of its key: for middlewares that check it themselves.
#[derive(Debug)]
struct AnyCertificate {
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

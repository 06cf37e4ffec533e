use super::options::{Order, Settings};
use super::state::Served;
use super::{TlsSource, TlsState, names};
use crate::listener::{Entry, Stream};
use flow_middleware::TlsSession;
use flow_model::name::Name;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};

/// The protocol of ACME's TLS-ALPN challenges (RFC 8737).
const ACME_TLS: &[u8] = b"acme-tls/1";
/// A fatal `unrecognized_name` alert in a record of its own (RFC 6066 section 3).
const UNRECOGNIZED_NAME: &[u8] = &[0x15, 3, 3, 0, 2, 2, 112];

/// The reason why a client gets no TLS connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the TLS options {0} are broken, so the connection is closed")]
    Broken(Name),
    #[error("the TLS handshake failed")]
    Failed(#[source] io::Error),
    #[error("no certificate for the name that the client asked for, and the options {0} insist on one")]
    UnknownName(Name),
}

/// The outcome of a handshake.
pub(crate) enum Handshake {
    /// HTTP may begin.
    Done(Box<TlsStream<Stream>>, TlsSession),
    /// It was an ACME challenge, which ends here.
    Over,
}

/// Performs the handshake with the current certificates and options.
pub(crate) async fn handshake(
    stream: Stream,
    entry: &Entry,
    local: IpAddr,
    source: &dyn TlsSource,
) -> Result<Handshake, HandshakeError> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(HandshakeError::Failed)?;
    let hello = start.client_hello();
    let server_name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
    let state = source.load();
    if hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS))
        && let Some(certificate) = source.challenge(&server_name)
    {
        return complete_challenge(start, certificate).await;
    }
    let (options, served) = state.option_for(entry.index, &server_name);
    let Some(served) = served else { return Err(HandshakeError::Broken(options)) };
    let order = Order::for_client(hello.cipher_suites());
    let Some(config) = config(&state, served, &server_name, local, hello.signature_schemes(), order) else {
        let mut stream = start.io;
        let _ = stream.write_all(UNRECOGNIZED_NAME).await;
        let _ = stream.shutdown().await;
        return Err(HandshakeError::UnknownName(options));
    };
    let stream = start.into_stream(config).await.map_err(HandshakeError::Failed)?;
    let session = session(&stream, server_name, options);
    Ok(Handshake::Done(Box::new(stream), session))
}

/// The configuration for a name; `None` if there is no certificate for it and the options require one.
fn config(
    state: &TlsState,
    served: &Served,
    name: &str,
    local: IpAddr,
    schemes: &[rustls::SignatureScheme],
    order: Order,
) -> Option<Arc<ServerConfig>> {
    let index = &state.keyring.index;
    let settings: &Settings = &served.settings;
    if !name.is_empty() {
        let known = !settings.sni_strict || state.certificate(name, schemes).is_some();
        return known.then(|| Arc::clone(served.config(order)));
    }
    let certificate = match index.find_address(local, schemes) {
        Some(certificate) => certificate,
        None if settings.sni_strict => return None,
        None => index.default()?,
    };
    Some(settings.with(Arc::new(SingleCertAndKey::from(Arc::clone(certificate))), order))
}

fn session(stream: &TlsStream<Stream>, server_name: String, options: Name) -> TlsSession {
    let connection = stream.get_ref().1;
    TlsSession {
        server_name: server_name.into(),
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        },
        cipher: connection.negotiated_cipher_suite().map_or("unknown", |suite| names::of_suite(suite.suite())),
        options,
        peer_certificates: connection
            .peer_certificates()
            .map(|chain| chain.iter().map(|certificate| certificate.to_vec()).collect())
            .unwrap_or_default(),
    }
}

async fn complete_challenge(
    start: StartHandshake<Stream>,
    certificate: Arc<CertifiedKey>,
) -> Result<Handshake, HandshakeError> {
    let failed = |error: rustls::Error| HandshakeError::Failed(io::Error::other(error));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    let mut stream = start.into_stream(Arc::new(config)).await.map_err(HandshakeError::Failed)?;
    stream.shutdown().await.map_err(HandshakeError::Failed)?;
    Ok(Handshake::Over)
}

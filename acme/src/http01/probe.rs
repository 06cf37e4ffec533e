//! Probes of a replica: the request that the CA will send, with the host's name, to the replica's real listener.

use crate::no_verification::NoServerVerification;
use bytes::Bytes;
use flow_model::challenge::HTTP01_PREFIX;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use pkcs8::der::Decode as _;
use pkcs8::der::asn1::OctetStringRef;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Limit of the body, in bytes. A key authorization has less than 300.
const MAX_BODY: usize = 4096;

/// The reason for which a replica fails the probe.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// A status other than 200.
    #[error("wrong status code '{0}', expected '200'")]
    Status(u16),
    /// Another text or certificate than the expected one.
    #[error("did not return the expected key")]
    Text,
    /// No response.
    #[error("failed to perform self check GET request '{url}': {cause}")]
    Unreachable {
        /// The URL or the address that was asked.
        url: String,
        /// The reason for the failure.
        cause: String,
    },
}

/// Fetches the token of `host` from `address` over plain HTTP; the response must be exactly `key`.
///
/// # Errors
/// [`ProbeError::Unreachable`], [`ProbeError::Status`], or [`ProbeError::Text`] if the body is not `key`.
pub async fn http(address: SocketAddr, host: &str, token: &str, key: &str) -> Result<(), ProbeError> {
    let authority = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let path = format!("{HTTP01_PREFIX}{token}");
    let unreachable = |cause: String| ProbeError::Unreachable { url: format!("http://{authority}{path}"), cause };
    let request = Request::get(&path)
        .header(HOST, &authority)
        .body(Empty::<Bytes>::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| unreachable(error.to_string()))?;
        let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connection.map_err(|error| unreachable(error.to_string()))?;
        let driver = tokio::spawn(connection);
        let result = async {
            let response = sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(ProbeError::Status(status));
            }
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
            let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
            if body == key.as_bytes() { Ok(()) } else { Err(ProbeError::Text) }
        };
        let result = result.await;
        driver.abort();
        result
    };
    tokio::time::timeout(PROBE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(unreachable("no answer in time".to_owned())))
}

/// Connects to `address` with `acme-tls/1`; the server must present the certificate for `key` (RFC 8737 §3).
///
/// # Errors
/// [`ProbeError::Unreachable`], or [`ProbeError::Text`] if it is not the certificate for `key`.
pub async fn tls_alpn(address: SocketAddr, host: &str, key: &str) -> Result<(), ProbeError> {
    let unreachable = |cause: String| ProbeError::Unreachable { url: format!("acme-tls/1 {host} at {address}"), cause };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // The certificate is self-signed: only its content is checked.
    let verifier = Arc::new(NoServerVerification::new(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreachable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(error.to_string()))?;
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| unreachable(error.to_string()))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(|error| unreachable(error.to_string()))?;
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let digest = certificate.and_then(|certificate| acme_identifier(certificate));
        if digest.is_some_and(|found| found == Sha256::digest(key).as_slice()) { Ok(()) } else { Err(ProbeError::Text) }
    };
    tokio::time::timeout(PROBE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(unreachable("no answer in time".to_owned())))
}

fn acme_identifier(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let extension = certificate.iter_extensions().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.31")?;
    <&OctetStringRef>::from_der(extension.value).ok().map(|digest| digest.as_bytes().to_vec())
}

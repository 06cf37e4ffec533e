//! Asking a replica for a token, as the CA will: over its real listener, with the host's name.

use crate::anybody::Anybody;
use bytes::Bytes;
use flow_model::challenge::HTTP01_PREFIX;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(5);
/// A key authorisation is below 300 bytes.
const LONGEST: usize = 4096;

/// Why a replica does not answer as it should.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// Another status.
    #[error("wrong status code '{0}', expected '200'")]
    Status(u16),
    /// Another text.
    #[error("did not return the expected key")]
    Text,
    /// No answer.
    #[error("failed to perform self check GET request '{url}': {cause}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why nothing came.
        cause: String,
    },
}

/// Asks `address` for the token of `host` over plain HTTP; it must answer exactly `key`.
///
/// # Errors
/// It does not.
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
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(ProbeError::Status(status));
            }
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
            if body == key.as_bytes() { Ok(()) } else { Err(ProbeError::Text) }
        };
        let answer = answer.await;
        driver.abort();
        answer
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(unreachable("no answer in time".to_owned())))
}

/// Shakes hands with `address` for `acme-tls/1`; it must show the certificate for `key` (RFC 8737 §3).
///
/// # Errors
/// It does not.
pub async fn tls_alpn(address: SocketAddr, host: &str, key: &str) -> Result<(), ProbeError> {
    let unreachable = |cause: String| ProbeError::Unreachable { url: format!("acme-tls/1 {host} at {address}"), cause };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Its certificate is signed by nobody that anybody trusts; what counts is what stands in it.
    let anybody = Arc::new(Anybody::new(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unreachable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(anybody)
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
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(unreachable("no answer in time".to_owned())))
}

fn acme_identifier(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let extension = certificate.iter_extensions().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.31")?;
    yasna::parse_der(extension.value, |reader| reader.read_bytes()).ok()
}

//! TLS towards backends, each with an authority made for the test.

use super::*;
use crate::forward::TransportError;
use flow_middleware::FailureKind;
use flow_model::config::Certificate;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate, key)
    }

    /// A backend with a certificate for `name`, which responds with the HTTP version spoken.
    async fn backend(&self, name: &str, protocols: &[&str], clients: bool) -> String {
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = if clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let handler = service_fn(|request: Request<hyper::body::Incoming>| async move {
                        let version = format!("{:?}", request.version());
                        Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::<Bytes>::from(version)))
                    });
                    // Its outcome does not matter here.
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        let _ = builder.serve_connection(TokioIo::new(stream), handler).await;
                    } else {
                        let builder = hyper::server::conn::http1::Builder::new();
                        let _ = builder.serve_connection(TokioIo::new(stream), handler).await;
                    }
                });
            }
        });
        format!("https://localhost:{port}")
    }
}

fn trusting(authority: &Authority) -> ServersTransport {
    ServersTransport { root_cas: vec![authority.pem()], ..ServersTransport::default() }
}

async fn version(url: &str, transport: &ServersTransport) -> Result<String, FailureKind> {
    let fixture = Fixture::with(&[url.to_owned()], transport, |_| ());
    match fixture.send(get("/")).await {
        Ok((response, _)) => Ok(whole(response).await),
        Err(error) => Err(error.kind()),
    }
}

#[tokio::test]
async fn the_protocol_is_negotiated() {
    let authority = Authority::new();
    let both = authority.backend("localhost", &["h2", "http/1.1"], false).await;
    assert_eq!(version(&both, &trusting(&authority)).await.unwrap(), "HTTP/2.0");
    let old = ServersTransport { disable_http2: true, ..trusting(&authority) };
    assert_eq!(version(&both, &old).await.unwrap(), "HTTP/1.1");
    let only_old = authority.backend("localhost", &["http/1.1"], false).await;
    assert_eq!(version(&only_old, &trusting(&authority)).await.unwrap(), "HTTP/1.1");
    let silent = authority.backend("localhost", &[], false).await;
    assert_eq!(version(&silent, &trusting(&authority)).await.unwrap(), "HTTP/1.1");
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_an_internal_error() {
    let authority = Authority::new();
    let url = authority.backend("localhost", &["http/1.1"], false).await;
    assert_eq!(version(&url, &trusting(&Authority::new())).await, Err(FailureKind::Internal), "another authority");
    assert_eq!(version(&url, &ServersTransport::default()).await, Err(FailureKind::Internal), "the system's");
    let other_name = authority.backend("other.test", &["http/1.1"], false).await;
    assert_eq!(version(&other_name, &trusting(&authority)).await, Err(FailureKind::Internal), "another name");
}

#[tokio::test]
async fn verification_can_be_turned_off_or_given_another_name() {
    let authority = Authority::new();
    let url = authority.backend("other.test", &["http/1.1"], false).await;
    let unverified = ServersTransport { insecure_skip_verify: true, ..ServersTransport::default() };
    assert!(version(&url, &unverified).await.is_ok());
    let named = ServersTransport { server_name: "other.test".to_owned(), ..trusting(&authority) };
    assert!(version(&url, &named).await.is_ok());
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let url = authority.backend("localhost", &["http/1.1"], true).await;
    assert_eq!(version(&url, &trusting(&authority)).await, Err(FailureKind::Unreachable), "the backend hangs up");
    let (certificate, key) = authority.issue("client");
    let certificate = Certificate {
        origin: Name::from("ns-client"),
        chain: certificate.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
    };
    let known = ServersTransport { certificates: vec![certificate], ..trusting(&authority) };
    assert!(version(&url, &known).await.is_ok());
}

#[tokio::test]
async fn tls_to_a_plain_server_is_an_internal_error() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let url = backend.url.replace("http:", "https:");
    assert_eq!(version(&url, &ServersTransport::default()).await, Err(FailureKind::Internal));
}

#[test]
fn broken_settings_are_refused() {
    let compile = |transport: ServersTransport| Transport::compile(&transport, &Tunnels::new()).map(drop);
    let empty = ServersTransport { root_cas: vec![b"nothing".to_vec()], ..ServersTransport::default() };
    assert!(matches!(compile(empty), Err(TransportError::RootCertificate { index: 0, .. })));
    let name = ServersTransport { server_name: "no name".to_owned(), ..ServersTransport::default() };
    assert!(matches!(compile(name), Err(TransportError::ServerName(_))));
    let (certificate, _) = Authority::new().issue("client");
    let certificate = Certificate {
        origin: Name::from("ns-client"),
        chain: certificate.pem().into_bytes(),
        key: KeyPair::generate().unwrap().serialize_pem().into_bytes(),
    };
    let mismatch = ServersTransport { certificates: vec![certificate], ..ServersTransport::default() };
    assert!(matches!(compile(mismatch), Err(TransportError::Certificate { .. })));
}

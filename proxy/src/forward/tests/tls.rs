//! TLS towards backends, each with an authority made for the test.

use super::*;
use crate::forward::TransportError;
use crate::tls::OfferError;
use flow_middleware::FailureKind;
use flow_model::config::{Certificate, Spiffe};
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

    /// A backend with a certificate for `name`, which responds with the HTTP version spoken, or on `/tls` with what was agreed.
    async fn backend(&self, name: &str, protocols: &[&str], clients: bool) -> String {
        self.backend_of(self.issue(name), protocols, clients, rustls::ALL_VERSIONS).await
    }

    /// A backend with this certificate that speaks these `versions` of TLS.
    async fn backend_of(
        &self,
        (certificate, key): (rcgen::Certificate, KeyPair),
        protocols: &[&str],
        clients: bool,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> String {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
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
                    let tls = stream.get_ref().1;
                    let agreed = format!("{:?} {:?}", tls.protocol_version(), tls.negotiated_cipher_suite());
                    let handler = service_fn(|request: Request<hyper::body::Incoming>| {
                        let path = request.uri().path();
                        let version = if path == "/tls" { agreed.clone() } else { format!("{:?}", request.version()) };
                        async move {
                            Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::<Bytes>::from(
                                version,
                            )))
                        }
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
    answer(url, "/", transport).await
}

async fn answer(url: &str, path: &str, transport: &ServersTransport) -> Result<String, FailureKind> {
    let fixture = Fixture::with(&[url.to_owned()], transport, |_| ());
    match fixture.send(get(path)).await {
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
    let compile =
        |transport: ServersTransport| Transport::compile(&transport, &Tunnels::new(), &Arc::default()).map(drop);
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
    let ancient = ServersTransport { max_version: "VersionTLS11".to_owned(), ..ServersTransport::default() };
    assert!(matches!(compile(ancient.clone()), Err(TransportError::Offer(OfferError::NoVersion))));
    let no_suite = vec!["TLS_RSA_WITH_AES_128_CBC_SHA".to_owned()];
    let no_suite = ServersTransport { cipher_suites: no_suite, max_version: "VersionTLS12".to_owned(), ..ancient };
    assert!(matches!(compile(no_suite), Err(TransportError::Offer(OfferError::NoSuite))));
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test]
async fn versions_and_suites_are_those_of_the_transport() {
    let authority = Authority::new();
    let url = authority.backend("localhost", &["http/1.1"], false).await;
    let old = ServersTransport { max_version: "VersionTLS12".to_owned(), ..trusting(&authority) };
    assert!(answer(&url, "/tls", &old).await.unwrap().starts_with("Some(TLSv1_2)"));
    let suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305";
    let one = ServersTransport { cipher_suites: strings(&[suite]), ..old };
    assert!(answer(&url, "/tls", &one).await.unwrap().contains(suite));
    // The suites are those of TLS 1.2.
    let both = ServersTransport { max_version: String::new(), ..one };
    assert!(answer(&url, "/tls", &both).await.unwrap().starts_with("Some(TLSv1_3)"));
    let old_server =
        authority.backend_of(authority.issue("localhost"), &["http/1.1"], false, &[&rustls::version::TLS12]).await;
    let new = ServersTransport { min_version: "VersionTLS13".to_owned(), ..trusting(&authority) };
    assert!(answer(&url, "/tls", &new).await.unwrap().starts_with("Some(TLSv1_3)"));
    assert!(answer(&old_server, "/tls", &new).await.is_err(), "it speaks nothing newer");
    let other = strings(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    let other = ServersTransport { cipher_suites: other, ..trusting(&authority) };
    assert!(answer(&old_server, "/tls", &other).await.is_err(), "its certificate has an elliptic key");
}

#[test]
fn settings_that_say_nothing_are_told() {
    let unknown = ServersTransport { min_version: "TLS9".to_owned(), ..ServersTransport::default() };
    let ancient = ServersTransport { min_version: "VersionTLS10".to_owned(), ..ServersTransport::default() };
    let (min_version, max_version) = ("VersionTLS13".to_owned(), "VersionTLS12".to_owned());
    let crossed = ServersTransport { min_version, max_version, ..ServersTransport::default() };
    let same = ServersTransport { max_version: "VersionTLS13".to_owned(), ..crossed.clone() };
    let suites = |names: &[&str]| ServersTransport { cipher_suites: strings(names), ..ServersTransport::default() };
    let typo = suites(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_NO_SUCH"]);
    let weak = suites(&["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    let only_weak = suites(&["TLS_RSA_WITH_AES_128_CBC_SHA"]);
    let cases: [(_, &[&str]); 8] = [
        (ServersTransport::default(), &[]),
        (same, &[]),
        (unknown, &["minVersion TLS9 is not known"]),
        (ancient, &["TLS 1.0 and 1.1 are not served"]),
        (crossed, &["minVersion VersionTLS13 is above maxVersion VersionTLS12"]),
        (typo, &["the cipher suite TLS_NO_SUCH is not known, so that the default ones are offered"]),
        (weak, &["not served, as only suites with forward secrecy and AEAD are: TLS_RSA_WITH_AES_128_CBC_SHA"]),
        (only_weak, &["not served", "TLS 1.2 is not served, as none of its suites is left"]),
    ];
    for (config, expected) in cases {
        let transport = Transport::compile(&config, &Tunnels::new(), &Arc::default()).unwrap();
        let findings = transport.findings();
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, expected) in findings.iter().zip(expected) {
            assert!(finding.starts_with(expected), "{finding}");
        }
    }
}

/// A certificate for `name` with these URIs.
fn with_uris(authority: &Authority, name: &str, uris: &[&str]) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.subject_alt_names.extend(uris.iter().map(|uri| rcgen::SanType::URI((*uri).try_into().unwrap())));
    (params.signed_by(&key, &authority.0).unwrap(), key)
}

#[tokio::test]
async fn a_demand_on_the_uri_comes_beside_chain_and_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let uri = "spiffe://a.test/web";
    let demanding = |transport: ServersTransport| ServersTransport { peer_cert_uri: uri.to_owned(), ..transport };
    let unnamed = |transport: ServersTransport| ServersTransport { insecure_skip_verify: true, ..transport };
    let run = async |authority: &Authority, name: &str, uris: &[&str]| {
        authority.backend_of(with_uris(authority, name, uris), &["http/1.1"], false, rustls::ALL_VERSIONS).await
    };
    let right = run(&authority, "localhost", &["https://b.test", uri]).await;
    let wrong = run(&authority, "localhost", &["spiffe://b.test/web"]).await;
    let named = run(&authority, "localhost", &[]).await;
    let elsewhere = run(&authority, "other.test", &[uri]).await;
    let forged = run(&stranger, "localhost", &[uri]).await;
    let trusting = || trusting(&authority);
    assert!(version(&right, &demanding(trusting())).await.is_ok());
    assert!(version(&elsewhere, &demanding(unnamed(trusting()))).await.is_ok(), "the name is waived");
    for (url, transport, why) in [
        (&wrong, demanding(trusting()), "another URI"),
        (&wrong, demanding(unnamed(trusting())), "another URI, and no name is asked for"),
        (&named, demanding(trusting()), "no URI"),
        (&elsewhere, demanding(trusting()), "another name"),
        (&forged, demanding(trusting()), "another authority"),
        (&forged, demanding(unnamed(trusting())), "another authority, and no name is asked for"),
        (&right, demanding(unnamed(ServersTransport::default())), "the system's authorities"),
    ] {
        assert_eq!(version(url, &transport).await, Err(FailureKind::Internal), "{why}");
    }
}

#[tokio::test]
async fn a_spiffe_identity_replaces_the_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let run = async |authority: &Authority, uris: &[&str]| {
        authority.backend_of(with_uris(authority, "other.test", uris), &["h2"], false, rustls::ALL_VERSIONS).await
    };
    let web = run(&authority, &["spiffe://a.test/web"]).await;
    let forged = run(&stranger, &["spiffe://a.test/web"]).await;
    let none = run(&authority, &[]).await;
    let two = run(&authority, &["spiffe://a.test/web", "spiffe://a.test/other"]).await;
    let wanting = |ids: &[&str], domain: &str| ServersTransport {
        spiffe: Some(Spiffe { ids: strings(ids), trust_domain: domain.to_owned() }),
        ..trusting(&authority)
    };
    assert_eq!(version(&web, &wanting(&["spiffe://a.test/web"], "")).await.unwrap(), "HTTP/2.0");
    assert!(version(&web, &wanting(&[], "a.test")).await.is_ok());
    assert!(version(&web, &wanting(&[], "")).await.is_ok());
    for (url, transport, why) in [
        (&web, wanting(&["spiffe://a.test/other"], ""), "another identity"),
        (&web, wanting(&[], "b.test"), "another domain"),
        (&forged, wanting(&["spiffe://a.test/web"], ""), "another authority"),
        (&none, wanting(&[], ""), "no identity"),
        (&two, wanting(&[], ""), "two identities"),
    ] {
        assert_eq!(version(url, &transport).await, Err(FailureKind::Internal), "{why}");
    }
}

#[test]
fn demands_that_cannot_be_met_are_refused() {
    let authority = Authority::new();
    let compile = |transport: ServersTransport| {
        Transport::compile(&transport, &Tunnels::new(), &Arc::default()).map(drop).unwrap_err()
    };
    let spiffe = |ids: &[&str], domain: &str| ServersTransport {
        spiffe: Some(Spiffe { ids: strings(ids), trust_domain: domain.to_owned() }),
        ..trusting(&authority)
    };
    let uri = |uri: &str| ServersTransport { peer_cert_uri: uri.to_owned(), ..trusting(&authority) };
    assert!(matches!(compile(uri("no uri")), TransportError::PeerCertUri(_)));
    assert!(matches!(compile(spiffe(&["spiffe://a.test/web", "web"], "")), TransportError::Spiffe { .. }));
    assert!(matches!(compile(spiffe(&[], "A test")), TransportError::Spiffe { .. }));
    let alone = ServersTransport { root_cas: Vec::new(), ..spiffe(&[], "a.test") };
    assert!(compile(alone).to_string().contains("needs rootCAs"));
    let careless = ServersTransport { insecure_skip_verify: true, ..spiffe(&[], "a.test") };
    assert!(matches!(compile(careless), TransportError::SpiffeBeside));
    let both = ServersTransport { peer_cert_uri: "spiffe://a.test/web".to_owned(), ..spiffe(&[], "a.test") };
    assert!(matches!(compile(both), TransportError::SpiffeBeside));
}

//! Handshakes over real sockets, with rustls as the client.

use super::{authority, certificate, params};
use crate::serve::test_kit::{Running, Tls, entry_point};
use crate::worker::Threads;
use flow_model::config::{ClientAuth, ClientAuthType, TlsOptions};
use rcgen::{CertifiedIssuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, SignatureScheme, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Accepts every certificate: the tests check it themselves.
#[derive(Debug)]
struct NoServerVerification;

impl ServerCertVerifier for NoServerVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client() -> ClientConfig {
    client_with(rustls::DEFAULT_VERSIONS, None)
}

fn client_with(versions: &[&'static rustls::SupportedProtocolVersion], identity: Option<Identity>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NoServerVerification));
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(authority: Option<&CertifiedIssuer<'static, KeyPair>>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = params("client", &[]);
    let certificate = match authority {
        Some(authority) => params.signed_by(&key, authority).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

struct TestResponse {
    text: String,
    common_name: String,
    kind: HandshakeKind,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn open(server: &Running, client: &Arc<ClientConfig>, name: &'static str) -> std::io::Result<Stream> {
    let name = ServerName::try_from(name).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), server.connect());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn get(server: &Running, client: &Arc<ClientConfig>, name: &'static str) -> std::io::Result<TestResponse> {
    let mut stream = open(server, client, name)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let chain = stream.conn.peer_certificates().unwrap();
    let leaf = X509Certificate::from_der(&chain[0]).unwrap().1;
    let common_name = leaf.subject().iter_common_name().next().unwrap().as_str();
    Ok(TestResponse { text, common_name: common_name.unwrap().to_owned(), kind: stream.conn.handshake_kind().unwrap() })
}

fn start(tls: &Tls) -> Running {
    Running::start_with(entry_point("websecure"), Threads::PerCore(2), tls)
}

fn tls() -> Tls {
    Tls { certificates: vec![certificate("one", &["a.test"]), certificate("wild", &["*.b.test"])], ..Tls::default() }
}

fn with_option(name: &str, options: TlsOptions, host: Option<&str>) -> Tls {
    let mut tls = tls();
    tls.options.insert(name.into(), Arc::new(options));
    tls.hosts.extend(host.map(|host| (host.into(), name.into())));
    tls
}

/// The ticket acknowledges the Finished: without it, a client with Nagle's algorithm holds its request back.
#[test]
fn a_ticket_comes_at_once_where_no_request_has_come() {
    let server = start(&tls());
    let mut stream = open(&server, &Arc::new(client()), "a.test").unwrap();
    stream.sock.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while stream.conn.tls13_tickets_received() == 0 {
        assert!(stream.conn.read_tls(&mut stream.sock).unwrap() > 0);
        stream.conn.process_new_packets().unwrap();
    }
}

#[test]
fn each_name_gets_its_certificate_and_plain_http_works_beside() {
    let server = start(&tls());
    let client = Arc::new(client());
    for (name, wanted) in [
        ("a.test", "one"),
        ("x.b.test", "wild"),
        ("other.test", "TRAEFIK DEFAULT CERT"),
        ("127.0.0.1", "TRAEFIK DEFAULT CERT"),
    ] {
        assert_eq!(get(&server, &client, name).unwrap().common_name, wanted);
    }
    let response = get(&server, &client, "a.test").unwrap().text;
    assert!(response.contains(" a.test/1.3/TLS_AES_128_GCM_SHA256/default/0 "), "{response}");
    let plain = server.until_closed(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 200 ") && plain.contains(" - "), "{plain}");
}

#[test]
fn a_client_without_a_name_gets_the_certificate_of_the_address() {
    let mut tls = tls();
    tls.certificates.push(certificate("address", &["127.0.0.1"]));
    let server = start(&tls);
    assert_eq!(get(&server, &Arc::new(client()), "127.0.0.1").unwrap().common_name, "address");
}

#[test]
fn a_renewed_certificate_serves_the_next_handshake() {
    let mut tls = tls();
    let server = start(&tls);
    assert_eq!(get(&server, &Arc::new(client()), "a.test").unwrap().common_name, "one");
    tls.certificates[0] = certificate("renewed", &["a.test"]);
    server.set_tls(&tls);
    assert_eq!(get(&server, &Arc::new(client()), "a.test").unwrap().common_name, "renewed");
}

#[test]
fn sessions_resume_on_every_worker_and_after_changes() {
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let mut tls = tls();
        let server = start(&tls);
        let client = Arc::new(client_with(&versions, None));
        assert_ne!(get(&server, &client, "a.test").unwrap().kind, HandshakeKind::Resumed);
        for _ in 0..6 {
            assert_eq!(get(&server, &client, "a.test").unwrap().kind, HandshakeKind::Resumed);
            tls.certificates[1] = certificate("changed", &["*.b.test"]);
            server.set_tls(&tls);
        }
        assert_ne!(get(&server, &client, "x.b.test").unwrap().kind, HandshakeKind::Resumed, "not for another name");
    }
}

#[test]
fn a_session_from_before_client_authentication_is_worth_nothing() {
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let server = start(&tls());
        let client = Arc::new(client_with(&versions, None));
        get(&server, &client, "a.test").unwrap();
        let auth = ClientAuth { ca_files: vec![authority().pem()], client_auth_type: None };
        let options = TlsOptions { client_auth: Some(auth), ..Default::default() };
        server.set_tls(&with_option("default", options, None));
        assert!(get(&server, &client, "a.test").is_err());
    }
}

#[test]
fn strict_options_know_only_names_with_a_certificate() {
    let server = start(&with_option("default", TlsOptions { sni_strict: true, ..Default::default() }, None));
    let client = Arc::new(client());
    assert_eq!(get(&server, &client, "a.test").unwrap().common_name, "one");
    for name in ["other.test", "127.0.0.1"] {
        let error = get(&server, &client, name).err().unwrap().to_string();
        assert!(error.contains("UnrecognisedName"), "{error}");
    }
}

#[test]
fn broken_options_close_the_connection_of_their_hosts_alone() {
    let broken = TlsOptions { broken: Some("no such Secret".into()), ..Default::default() };
    let server = start(&with_option("broken", broken, Some("a.test")));
    let client = Arc::new(client());
    assert!(get(&server, &client, "a.test").is_err());
    assert_eq!(get(&server, &client, "x.b.test").unwrap().common_name, "wild");
}

#[test]
fn versions_and_suites_are_as_the_options_say() {
    let options = TlsOptions {
        max_version: "VersionTLS12".into(),
        cipher_suites: vec!["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305".into()],
        ..Default::default()
    };
    let server = start(&with_option("old@file", options, Some("a.test")));
    let response = get(&server, &Arc::new(client()), "a.test").unwrap().text;
    assert!(response.contains("/1.2/TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256/old@file/0 "), "{response}");
    assert!(get(&server, &Arc::new(client_with(&[&rustls::version::TLS13], None)), "a.test").is_err());
}

#[test]
fn the_quickest_suite_is_agreed_on_unless_the_client_has_no_aes() {
    let server = start(&tls());
    let with = |order: [&str; 3], version| {
        let mut provider = default_provider();
        let rank = |suite: &rustls::SupportedCipherSuite| {
            order.iter().position(|part| suite.suite().as_str().unwrap().contains(part))
        };
        provider.cipher_suites.sort_by_key(rank);
        let config =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]).unwrap();
        let config =
            config.dangerous().with_custom_certificate_verifier(Arc::new(NoServerVerification)).with_no_client_auth();
        get(&server, &Arc::new(config), "a.test").unwrap().text
    };
    for (version, aes, chacha) in [
        (&rustls::version::TLS13, "/1.3/TLS_AES_128_GCM_SHA256/", "/1.3/TLS_CHACHA20_POLY1305_SHA256/"),
        (
            &rustls::version::TLS12,
            "/1.2/TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256/",
            "/1.2/TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256/",
        ),
    ] {
        let response = with(["AES_256", "CHACHA20", "AES_128"], version);
        assert!(response.contains(aes), "{response}");
        let response = with(["CHACHA20", "AES_256", "AES_128"], version);
        assert!(response.contains(chacha), "{response}");
    }
}

#[test]
fn clients_are_authenticated_as_asked() {
    use ClientAuthType::*;
    let authority = authority();
    let served = |kind: Option<ClientAuthType>, identity: Option<Identity>| {
        let ca_files = vec![authority.pem()];
        let auth = ClientAuth { ca_files, client_auth_type: kind };
        let server = start(&with_option("default", TlsOptions { client_auth: Some(auth), ..Default::default() }, None));
        let client = Arc::new(client_with(rustls::DEFAULT_VERSIONS, identity));
        get(&server, &client, "a.test").ok().map(|response| response.text.contains("/default/1 "))
    };
    let (signed, stranger) = (|| Some(identity(Some(&authority))), || Some(identity(None)));
    for (kind, without, with_stranger, with_signed) in [
        (Some(NoClientCert), Some(false), Some(false), Some(false)),
        (Some(RequestClientCert), Some(false), Some(true), Some(true)),
        (Some(RequireAnyClientCert), None, Some(true), Some(true)),
        (Some(VerifyClientCertIfGiven), Some(false), None, Some(true)),
        (Some(RequireAndVerifyClientCert), None, None, Some(true)),
        (None, None, None, Some(true)),
    ] {
        assert_eq!(served(kind, None), without, "{kind:?}, none");
        assert_eq!(served(kind, stranger()), with_stranger, "{kind:?}, a stranger's");
        assert_eq!(served(kind, signed()), with_signed, "{kind:?}, the authority's");
    }
}

#[test]
fn protocols_are_negotiated() {
    let with = |protocols: &[&str]| {
        let mut client = client();
        client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(client)
    };
    let server = start(&tls());
    for (offered, agreed) in
        [(["h2", "http/1.1"].as_slice(), Some(b"h2".as_slice())), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = open(&server, &with(offered), "a.test").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed);
    }
    assert!(open(&server, &with(&["ftp"]), "a.test").is_err());
    let options = TlsOptions { alpn_protocols: vec!["http/1.1".into()], ..Default::default() };
    let server = start(&with_option("default", options, None));
    let stream = open(&server, &with(&["h2", "http/1.1"]), "a.test").unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
}

#[test]
fn acme_challenges_are_answered_before_everything() {
    let broken = TlsOptions { broken: Some("no such Secret".into()), ..Default::default() };
    let server = start(&with_option("default", broken, None));
    let mut client = client();
    client.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let mut stream = open(&server, &Arc::new(client), "challenge.test").unwrap();
    let chain = stream.conn.peer_certificates().unwrap();
    let leaf = X509Certificate::from_der(&chain[0]).unwrap().1;
    assert_eq!(leaf.subject().iter_common_name().next().unwrap().as_str().unwrap(), "challenge.test");
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "nothing but the handshake is served");
}

#[test]
fn what_is_no_handshake_is_let_go() {
    let mut point = entry_point("websecure");
    point.transport.read_timeout = Duration::from_millis(50);
    let server = Running::start(point);
    for start in [b"\x16\x03\x01".as_slice(), b"\x16garbage garbage garbage garbage"] {
        let mut stream = server.connect();
        stream.write_all(start).unwrap();
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        assert!(!response.starts_with(b"HTTP"), "{response:?}");
    }
    assert_eq!(server.handled(), 0);
}

use bytes::Bytes;
use flow_acme::ca::Directory;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A Pebble with its own DNS server. Both end when it is dropped.
pub(crate) struct Pebble {
    folder: TempDir,
    children: Vec<Child>,
    acme: u16,
    management: u16,
    dns_management: u16,
    /// Port at which it asks for HTTP-01.
    pub(crate) http: u16,
    /// Port at which it asks for TLS-ALPN-01.
    pub(crate) tls: u16,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Pebble {
    /// Starts a Pebble. `more` is added to its configuration.
    pub(crate) async fn start(more: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let Some(executable) = std::env::var_os("PEBBLE").map(PathBuf::from).filter(|path| path.is_file()) else {
            eprintln!("skipped: the environment variable PEBBLE does not name Pebble's executable");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path());
        let [acme, management, http, tls, dns, dns_management] = free_ports::<6>();
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut config = json!({
            "listenAddress": local(acme), "managementListenAddress": local(management),
            "certificate": folder.path().join("cert.pem"), "privateKey": folder.path().join("key.pem"),
            "httpPort": http, "tlsPort": tls, "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "domainBlocklist": ["blocked-domain.example"], "retryAfter": {"authz": 1, "order": 1},
            "keyAlgorithm": "ecdsa",
            "profiles": {"default": {"description": "the default", "validityPeriod": 7_776_000}}
        });
        let more: Value = serde_json::from_str(more).unwrap();
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let file = folder.path().join("config.json");
        std::fs::write(&file, json!({ "pebble": config }).to_string()).unwrap();

        let names = std::env::var_os("PEBBLE_CHALLENGES").map(PathBuf::from);
        let mut names = Command::new(names.unwrap_or_else(|| executable.with_file_name("pebble-challtestsrv")));
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""]);
        names.args(["-defaultIPv4", "127.0.0.1", "-dnsserver", &local(dns), "-management", &local(dns_management)]);
        let mut server = Command::new(executable);
        server.arg("-config").arg(&file).args(["-dnsserver", &local(dns), "-strict"]);
        server.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "50").env("PEBBLE_AUTHZREUSE", "0");
        server.envs(environment.iter().copied());
        let children =
            [names, server].map(|mut command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let pebble = Self { folder, children: children.into(), acme, management, dns_management, http, tls };
        for port in [acme, management, dns_management] {
            pebble.listening(SocketAddr::from(([127, 0, 0, 1], port))).await;
        }
        Some(pebble)
    }

    async fn listening(&self, address: SocketAddr) {
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody listens at {address}");
    }

    /// The server's directory, with the authority of its certificate.
    pub(crate) fn directory(&self) -> Directory {
        Directory {
            url: format!("https://localhost:{}/dir", self.acme),
            ca_bundle: std::fs::read(self.folder.path().join("ca.pem")).unwrap(),
            ..Directory::default()
        }
    }

    /// The common name of one of its root certificates.
    pub(crate) async fn root(&self, number: usize) -> String {
        let pem = self.fetch(&format!("/roots/{number}")).await;
        let der = pem_der(&pem);
        let (_, root) = x509_parser::parse_x509_certificate(&der).unwrap();
        root.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Makes the DNS server fail for a name.
    pub(crate) async fn fail_dns(&self, name: &str) {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.dns_management)).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let body = Full::new(Bytes::from(json!({ "host": name }).to_string()));
        let request = http::Request::post("/set-servfail").header("host", "localhost").body(body).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    }

    /// Returns the response of its management port.
    async fn fetch(&self, path: &str) -> Vec<u8> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(pem_der(&self.directory().ca_bundle))).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.management)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }
}

fn pem_der(pem: &[u8]) -> Vec<u8> {
    use rustls_pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}

/// Makes a certificate for its API, signed by a throw-away authority.
fn certificate(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), leaf.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

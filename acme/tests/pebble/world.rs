use super::server::Pebble;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use flow_acme::ca::{Account, Binding, Ca as _, Registration};
use flow_acme::client::Client;
use flow_acme::engine::{Engine, Metrics};
use flow_acme::http01::ChallengeTable;
use flow_acme::names::CHALLENGE_TYPE;
use flow_acme::objects::{
    AcmeSpec, Algorithm, Certificate, CertificateSpec, Http01, Issuer, IssuerRef, IssuerSpec, Key, Meta, Object,
    PrivateKeySpec, Secret, SecretKeyRef, Solver, State,
};
use flow_acme::planner::Settings;
use flow_acme::store::Store as _;
use flow_acme::store::folder::{Declared, FolderStore};
use flow_acme::x509::key::PrivateKey;
use flow_model::challenge::{ChallengeLookup as _, HTTP01_PREFIX};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A proxy that only answers challenges, with a state folder.
pub(crate) struct World {
    pub(crate) store: Arc<FolderStore>,
    key: Key,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    engine: JoinHandle<()>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn start(pebble: &Pebble, name: &str, names: &[&str], kind: Option<&str>) -> Self {
        Self::with(pebble, kind, vec![certificate(&Key::new("web", name), names)]).await
    }

    /// Declares one Certificate for each host, with keys that are made quickly.
    pub(crate) async fn of_hosts(pebble: &Pebble, hosts: &[String]) -> Self {
        let each = hosts.iter().map(|host| {
            let mut certificate = certificate(&Key::new("web", host.replace('.', "-")), &[host]);
            let key = PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() };
            certificate.spec.private_key = Some(key);
            certificate
        });
        Self::with(pebble, None, each.collect()).await
    }

    async fn with(pebble: &Pebble, kind: Option<&str>, certificates: Vec<Certificate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore::open(&folder.path().join("state"), Settings::default()).unwrap());
        let key = certificates[0].key();
        let declared = Declared { issuers: vec![issuer(pebble, kind)], certificates, ..Declared::default() };
        store.declare(declared).unwrap();
        let table = ChallengeTable::new();
        let mut tasks = Vec::new();
        tasks.push(http(pebble.http, Arc::clone(&table)).await);
        tasks.push(tls(pebble.tls, Arc::clone(&table)).await);
        let stop = CancellationToken::new();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let client = Arc::new(Client::new("test"));
        let engine = Engine::new(Arc::clone(&store), client, table, Settings::default(), metrics);
        let engine = tokio::spawn(engine.run(stop.clone()));
        Self { store, key, stop, tasks, engine, _folder: folder }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.engine.await.unwrap();
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    pub(crate) fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.store.view().certificates[&self.key])
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Certificate) -> bool) {
        let mut changes = self.store.changes();
        let all = async {
            while !holds(&self.certificate()) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), all).await.is_err() {
            let view = self.store.view();
            panic!("{what} never came: {:#?} {:#?} {:#?}", view.issuers, view.certificates, view.challenges);
        }
    }

    pub(crate) async fn issued(&self, revision: i64) -> Secret {
        self.until("the certificate", |certificate| certificate.status.revision == Some(revision)).await;
        Secret::clone(&self.store.view().secrets[&self.key])
    }
}

fn issuer(pebble: &Pebble, kind: Option<&str>) -> Issuer {
    let directory = pebble.directory();
    let mut metadata = Meta::named(Key::new("", "pebble"));
    metadata.annotations.extend(kind.map(|kind| (CHALLENGE_TYPE.to_owned(), kind.to_owned())));
    let acme = AcmeSpec {
        email: "admin@example.com".to_owned(),
        server: directory.url,
        ca_bundle: STANDARD.encode(directory.ca_bundle),
        private_key_secret_ref: SecretKeyRef { name: "pebble".to_owned(), ..SecretKeyRef::default() },
        solvers: vec![Solver { http01: Some(Http01::default()), ..Solver::default() }],
        ..AcmeSpec::default()
    };
    Object { metadata, spec: IssuerSpec { acme: Some(acme), ..IssuerSpec::default() }, status: Default::default() }
}

fn certificate(key: &Key, names: &[&str]) -> Certificate {
    let (ip_addresses, dns_names) =
        names.iter().map(|name| (*name).to_owned()).partition(|name: &String| name.parse::<IpAddr>().is_ok());
    let spec = CertificateSpec {
        secret_name: key.name.clone(),
        issuer_ref: IssuerRef { name: "pebble".to_owned(), kind: "ClusterIssuer".to_owned(), ..IssuerRef::default() },
        dns_names,
        ip_addresses,
        ..CertificateSpec::default()
    };
    Object { metadata: Meta::named(key.clone()), spec, status: Default::default() }
}

async fn http(port: u16, table: Arc<ChallengeTable>) -> JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let table = Arc::clone(&table);
            let service = service_fn(move |request| {
                let answer = answer(&table, &request);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

fn answer(table: &ChallengeTable, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let host = request.headers()[http::header::HOST].to_str().unwrap();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let token = request.uri().path().strip_prefix(HTTP01_PREFIX).unwrap_or_default();
    let text = table.response(host, token);
    let mut response = Response::new(Full::from(text.as_deref().unwrap_or_default().to_owned()));
    if text.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

#[derive(Debug)]
struct Shown(Arc<ChallengeTable>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.certificate(hello.server_name()?)
    }
}

async fn tls(port: u16, table: Arc<ChallengeTable>) -> JoinHandle<()> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(Shown(table)));
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(drop) });
        }
    })
}

pub(crate) fn key() -> Arc<PrivateKey> {
    let spec = PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() };
    Arc::new(PrivateKey::generate(&spec).unwrap())
}

pub(crate) fn registration() -> Registration {
    Registration { key: key(), email: "admin@example.com".to_owned(), binding: None, known_url: None }
}

pub(crate) fn binding(id: &str, key: &[u8]) -> Binding {
    Binding { key_id: id.to_owned(), key: key.to_vec() }
}

pub(crate) fn base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Waits until an order is in a state.
pub(crate) async fn wait_for_state(client: &Client, account: &Account, order: &str, state: State) {
    for _ in 0..100 {
        if client.order(account, order).await.unwrap().state == state {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the order never is {state}");
}

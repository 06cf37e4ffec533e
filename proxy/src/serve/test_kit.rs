//! Test helpers for the data plane's edge: entry points, a server on free ports, and raw clients.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Client, Handler};
use crate::tls::{DefaultCertificate, TlsInput, TlsSource, TlsState};
use crate::worker::{Bound, Server, Threads};
use bytes::Bytes;
use flow_middleware::body::BodyError;
use flow_middleware::{Body, Interim};
use flow_model::config::{Certificate, Objects, TlsOptions};
use flow_model::entry_point::EntryPoint;
use flow_model::name::Name;
use hashbrown::HashMap;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

pub(crate) fn entry_point(name: &str) -> EntryPoint {
    EntryPoint::new(name, SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Responds with what it received: `METHOD TARGET HOST REMOTE TLS BODY`. `/wait` responds when a permit is added,
/// `/hint` responds after an interim response, `/late` before one, `/panic` panics, `/trailers` has some, `/upgrade` echoes bytes after a 101.
pub(crate) struct Teller {
    pub(crate) handled: AtomicUsize,
    pub(crate) gone: Arc<AtomicUsize>,
    pub(crate) permits: Semaphore,
    pub(crate) waiting: Semaphore,
    tls: Mutex<Arc<TlsState>>,
}

struct Gone<'a>(Option<&'a AtomicUsize>);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        if let Some(gone) = self.0 {
            gone.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Handler for Teller {
    async fn handle(&self, client: &Arc<Client>, request: Request<Body>, interim: Option<Interim>) -> Response<Body> {
        self.handled.fetch_add(1, Ordering::SeqCst);
        let mut gone = Gone(Some(&self.gone));
        let (mut head, body) = request.into_parts();
        match head.uri.path() {
            "/hint" => {
                let hint = Response::builder().status(103).header("link", "</a.css>").body(()).unwrap();
                interim.unwrap().push(hint);
            }
            "/late" => {
                gone.0 = None;
                let late = async move {
                    interim.unwrap().push(Response::builder().status(103).body(()).unwrap());
                    Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"late")))
                };
                let body = http_body_util::StreamBody::new(futures_util::stream::once(late));
                return Response::new(Body::boxed(body));
            }
            "/panic" => panic!("as asked"),
            "/wait" => {
                self.waiting.add_permits(1);
                self.permits.acquire().await.unwrap().forget();
            }
            "/trailers" => {
                gone.0 = None;
                let trailers = http::HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("t"))]);
                let frames = [Frame::data(Bytes::from_static(b"hi")), Frame::trailers(trailers)];
                let frames = futures_util::stream::iter(frames.map(Ok::<_, BodyError>));
                let body = Body::boxed(http_body_util::StreamBody::new(frames));
                return Response::builder().header("trailer", "etag").body(body).unwrap();
            }
            "/upgrade" => {
                let upgrade = head.extensions.remove::<hyper::upgrade::OnUpgrade>().unwrap();
                tokio::spawn(async move {
                    let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                    let (mut from, mut to) = tokio::io::split(&mut io);
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
                gone.0 = None;
                let response =
                    Response::builder().status(101).header("connection", "upgrade").header("upgrade", "echo");
                return response.body(Body::Empty).unwrap();
            }
            _ => {}
        }
        let body = body.collect().await.map_or_else(|error| error.to_string().into(), |body| body.to_bytes());
        gone.0 = None;
        let host = head.headers.get("host").map_or("", |host| host.to_str().unwrap());
        let tls = client.connection.tls.as_ref();
        let tls = tls.map_or_else(
            || "-".to_owned(),
            |t| format!("{}/{}/{}/{}/{}", t.server_name, t.version, t.cipher, t.options, t.peer_certificates.len()),
        );
        let remote = client.connection.remote;
        let body = String::from_utf8_lossy(&body);
        Response::new(Body::from(Bytes::from(format!("{} {} {host} {remote} {tls} {body}", head.method, head.uri))))
    }
}

impl TlsSource for Teller {
    fn load(&self) -> Arc<TlsState> {
        Arc::clone(&self.tls.lock())
    }

    fn challenge(&self, name: &str) -> Option<Arc<rustls::sign::CertifiedKey>> {
        (name == "challenge.test").then(|| crate::tls::test_key("challenge.test"))
    }
}

/// TLS settings of a test.
#[derive(Default)]
pub(crate) struct Tls {
    pub(crate) certificates: Vec<Arc<Certificate>>,
    pub(crate) options: Objects<TlsOptions>,
    pub(crate) hosts: HashMap<Name, Name, foldhash::fast::RandomState>,
}

impl Tls {
    pub(crate) fn compile(&self, previous: Option<&TlsState>) -> TlsState {
        let hosts = std::slice::from_ref(&self.hosts);
        let input = TlsInput {
            certificates: &self.certificates,
            default: DefaultCertificate::SelfSigned,
            options: &self.options,
            hosts,
        };
        TlsState::compile(input, previous).0
    }
}

/// A running server with one entry point.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) teller: Arc<Teller>,
}

impl Running {
    pub(crate) fn start(point: EntryPoint) -> Self {
        Self::start_with(point, Threads::PerCore(2), &Tls::default())
    }

    pub(crate) fn start_with(point: EntryPoint, threads: Threads, tls: &Tls) -> Self {
        let bound = Bound::new(&[Arc::new(point)], threads, "here").unwrap();
        let address = bound.addresses()[0];
        let teller = Arc::new(Teller {
            handled: AtomicUsize::new(0),
            gone: Arc::default(),
            permits: Semaphore::new(0),
            waiting: Semaphore::new(0),
            tls: Mutex::new(Arc::new(tls.compile(None))),
        });
        let server = bound.serve_by(Arc::clone(&teller), teller.clone()).unwrap();
        Self { server, address, teller }
    }

    pub(crate) fn set_tls(&self, tls: &Tls) {
        let mut current = self.teller.tls.lock();
        *current = Arc::new(tls.compile(Some(&current)));
    }

    pub(crate) fn handled(&self) -> usize {
        self.teller.handled.load(Ordering::SeqCst)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends `bytes` on a connection of their own; returns all that comes back until the server closes it.
    pub(crate) fn until_closed(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_to_end(&mut stream)
    }
}

pub(crate) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8(response).unwrap()
}

/// Reads one response with a `Content-Length`.
pub(crate) fn read_response(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let mut byte = [0];
    while !response.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        response.push(byte[0]);
    }
    let head = String::from_utf8(response).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

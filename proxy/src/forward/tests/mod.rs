#![allow(clippy::unwrap_used, reason = "tests")]
//! Forwarding over real sockets: backends here are scripts over a TCP stream, so that every byte and every close is
//! known.

mod bodies;
mod framing;
mod headers;
mod http1;
mod http2;
mod http2_streams;
mod limits;
mod retry;
mod tls;
mod upgrade;

use super::{ForwardError, Transport, Tunnels};
use crate::service::test_kit::{Only, forward};
use crate::service::{Service, UpstreamRecord};
use bytes::Bytes;
use flow_middleware::body::BodyError;
use flow_middleware::{Body, Connection, Exchange};
use flow_model::config::{self, LoadBalancer, Server, ServersTransport, ServiceKind};
use flow_model::name::Name;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A service over some servers, and its dependencies.
pub(crate) struct Fixture {
    pub(crate) service: Arc<Service>,
    pub(crate) tunnels: Tunnels,
}

impl Fixture {
    pub(crate) fn new(urls: &[impl AsRef<str>]) -> Self {
        Self::with(urls, &ServersTransport::default(), |_| ())
    }

    pub(crate) fn with(
        urls: &[impl AsRef<str>],
        transport: &ServersTransport,
        change: impl Fn(&mut LoadBalancer),
    ) -> Self {
        let tunnels = Tunnels::new();
        let transport = Transport::compile(transport, &tunnels, &Arc::default()).unwrap();
        let servers = urls.iter().map(|url| Server { url: url.as_ref().to_owned(), ..Server::default() }).collect();
        let mut balancer = LoadBalancer { servers, ..LoadBalancer::default() };
        change(&mut balancer);
        let config = config::Service { kind: ServiceKind::LoadBalancer(balancer), middlewares: Vec::new() };
        let service = Service::compile(&Name::from("app@file"), &Arc::new(config), &mut Only(transport), None).unwrap();
        Self { service, tunnels }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Result<(Response<Body>, UpstreamRecord), ForwardError> {
        let mut record = UpstreamRecord::default();
        let response = forward(&self.service, exchange(request), &mut record).await?;
        Ok((response, record))
    }

    /// The status and the whole body.
    pub(crate) async fn text(&self, request: Request<Body>) -> (u16, String) {
        let (response, _) = self.send(request).await.unwrap();
        let status = response.status().as_u16();
        (status, whole(response).await)
    }
}

pub(crate) fn exchange(request: Request<Body>) -> Exchange {
    let remote = SocketAddr::from(([192, 0, 2, 7], 4711));
    let connection = Connection::new(remote, remote, None, Name::from("web"));
    let (head, body) = request.into_parts();
    Exchange { head, body, connection: Arc::new(connection), interim: None }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::builder().uri(path).header("host", "app.test").body(Body::Empty).unwrap()
}

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let builder = Request::builder().method("POST").uri(path).header("host", "app.test");
    builder.body(body.into()).unwrap()
}

pub(crate) async fn whole(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A body that the test feeds.
pub(crate) fn fed() -> (mpsc::UnboundedSender<Frame<Bytes>>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = futures_util::stream::unfold(receiver, |mut receiver: mpsc::UnboundedReceiver<Frame<Bytes>>| async {
        let frame = receiver.recv().await?;
        Some((Ok::<_, BodyError>(frame), receiver))
    });
    (sender, Body::boxed(StreamBody::new(frames)))
}

pub(crate) fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

/// A backend that runs `script` for each connection, given its number from zero.
pub(crate) struct Backend {
    pub(crate) url: String,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Backend {
    pub(crate) async fn run<F, S>(script: F) -> Self
    where
        F: Fn(Peer, usize) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Peer { stream, read: Vec::new() }, number));
            }
        });
        Self { url, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A URL with no listener.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The other side of a connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Reads up to and with `end`; `None` at the end of the stream.
    pub(crate) async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let rest = self.read.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.read, rest)).ok();
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(1..) => {}
                _ => return None,
            }
        }
    }

    /// Reads the head of a message.
    pub(crate) async fn head(&mut self) -> Option<String> {
        self.until("\r\n\r\n").await
    }

    /// Reads so many bytes; `None` if the stream ends before.
    pub(crate) async fn exactly(&mut self, length: usize) -> Option<String> {
        while self.read.len() < length {
            if !matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {
                return None;
            }
        }
        let rest = self.read.split_off(length);
        String::from_utf8(std::mem::replace(&mut self.read, rest)).ok()
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Waits for the other side to close.
    pub(crate) async fn closed(&mut self) {
        let mut buffer = [0; 1024];
        while matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
    }
}

//! One request on its way to a backend, and the facts about the connection that it came on.

use crate::{Body, Interim};
use flow_model::name::Name;
use http::HeaderValue;
use http::request::Parts;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// The facts about a client's connection, shared by all its requests.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client: the peer, or the address from a trusted PROXY protocol header.
    pub remote: SocketAddr,
    /// The local address.
    pub local: SocketAddr,
    /// Set on TLS connections.
    pub tls: Option<TlsSession>,
    /// The entry point.
    pub entry_point: Name,
    /// The client's address without port and zone, as forwarded headers carry it.
    pub address: HeaderValue,
    /// State of the data plane for this connection, until it ends; none at first.
    pub attached: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Connection {
    /// The connection of the client `remote`.
    #[must_use]
    pub fn new(remote: SocketAddr, local: SocketAddr, tls: Option<TlsSession>, entry_point: Name) -> Self {
        let address = HeaderValue::try_from(remote.ip().to_canonical().to_string());
        let address = address.unwrap_or(HeaderValue::from_static(""));
        Self { remote, local, tls, entry_point, address, attached: OnceLock::new() }
    }
}

/// The result of the TLS handshake.
#[derive(Clone, Debug)]
pub struct TlsSession {
    /// The name that the client asked for, in lower case; empty if it sent no name.
    pub server_name: Name,
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// The suite's IANA name as Go writes it.
    pub cipher: &'static str,
    /// Name of the TLS options in use.
    pub options: Name,
    /// The client's certificates in DER, leaf first.
    pub peer_certificates: Arc<[Vec<u8>]>,
}

/// One request on its way. Middlewares change the head in place: the backend gets it as it is here.
#[derive(Debug)]
pub struct Exchange {
    /// Method, URI (path and query only), version and headers. `Host` is always in the headers, also for HTTP/2.
    pub head: Parts,
    /// The body, not yet read.
    pub body: Body,
    /// The connection.
    pub connection: Arc<Connection>,
    /// The way of interim responses; `None` if the client, or who else gets the response, cannot take them.
    pub interim: Option<Interim>,
}

impl Exchange {
    /// True if the request came over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.connection.tls.is_some()
    }

    /// Takes the request; an empty one stays behind.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let mut request = http::Request::new(());
        *request.method_mut() = std::mem::take(&mut self.head.method);
        *request.uri_mut() = std::mem::take(&mut self.head.uri);
        *request.version_mut() = self.head.version;
        *request.headers_mut() = std::mem::take(&mut self.head.headers);
        *request.extensions_mut() = std::mem::take(&mut self.head.extensions);
        Self {
            head: request.into_parts().0,
            body: std::mem::take(&mut self.body),
            connection: Arc::clone(&self.connection),
            interim: self.interim.clone(),
        }
    }

    /// The value of `Host` with its port, as the client sent it; empty if there is none.
    #[must_use]
    pub fn host(&self) -> &str {
        self.head.headers.get(http::header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// The treatment of `X-Forwarded-For` towards backends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ForwardedFor {
    /// The client's address is appended, unless a middleware has set [`OmitForwardedFor`].
    #[default]
    Append,
    /// It is forwarded unchanged (`forwardedHeaders.notAppendXForwardedFor`).
    Keep,
}

/// In a request's extensions: the backend gets no `X-Forwarded-For`, not even the one that the proxy adds (Traefik: the
/// `headers` middleware with `X-Forwarded-For: ""`).
#[derive(Clone, Copy, Debug)]
pub struct OmitForwardedFor;

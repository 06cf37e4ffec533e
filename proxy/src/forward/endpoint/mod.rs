//! A server of a service: its parsed URL, and the connections to it.
//!
//! A connection returns to its endpoint when it has carried a request, and the endpoint's `pool` holds it until the
//! next; so the protocols `http1` and `http2` are parts of the endpoint.

mod broken;
mod header_timeout;
pub(super) mod http1;
pub(super) mod http2;
mod pool;

pub use broken::Broken;
pub use http1::Http1Error;
pub use http2::Http2Error;

use super::outbound::OutboundProxy;
use super::transport::Transport;
use http::HeaderValue;
use http::uri::Uri;
use http1::{AbsoluteForm, Http1};
use http2::Http2;
use pool::Pool;
use rustls_pki_types::ServerName;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The protocol spoken to a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// HTTP/2 without TLS, by prior knowledge.
    H2c,
    /// HTTP/1.1.
    Http,
    /// HTTP/2 or HTTP/1.1 over TLS.
    Https,
}

/// A server, with the idle connections to it; they close when the last user drops it.
#[derive(Debug)]
pub struct Endpoint {
    url: Box<str>,
    address: Box<str>,
    transport: Arc<Transport>,
    pub(super) scheme: Scheme,
    pub(super) target: Target,
    /// The proxy on the way.
    proxy: Option<Arc<OutboundProxy>>,
    pub(super) server_name: ServerName<'static>,
    pub(super) pool: Pool,
    authority: HeaderValue,
    base_path: Option<Box<str>>,
}

/// The address to connect to.
#[derive(Debug)]
pub(super) enum Target {
    /// An IP address, as from Kubernetes.
    Address(SocketAddr),
    /// A name, resolved for every connection.
    Name {
        /// The name.
        host: Box<str>,
        /// The port.
        port: u16,
    },
}

impl Target {
    /// The address of `host`, a name or an address without brackets.
    pub(super) fn new(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::Address(SocketAddr::new(ip, port)),
            Err(_) => Self::Name { host: Box::from(host), port },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The reason why a server's URL cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// It names no host.
    #[error("no host in it")]
    Host,
    /// Another scheme than http, https or h2c.
    #[error("unsupported protocol scheme {0:?}")]
    Scheme(String),
    /// It is not a URL.
    #[error("no URL")]
    Url,
}

impl Endpoint {
    /// Parses `url` (`scheme://host:port`). With `preserve_path` its path is put before that of every request.
    ///
    /// # Errors
    /// [`EndpointError`] if the URL is invalid.
    pub fn new(url: &str, preserve_path: bool, transport: &Arc<Transport>) -> Result<Self, EndpointError> {
        let uri: Uri = url.parse().map_err(|_| EndpointError::Url)?;
        let scheme = match uri.scheme_str() {
            Some("h2c") => Scheme::H2c,
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            other => return Err(EndpointError::Scheme(other.unwrap_or_default().to_owned())),
        };
        let authority = uri.authority().ok_or(EndpointError::Host)?;
        let authority = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
        let host = uri.host().map(|h| h.trim_start_matches('[').trim_end_matches(']')).unwrap_or_default();
        if host.is_empty() {
            return Err(EndpointError::Host);
        }
        let port = uri.port_u16().unwrap_or(if scheme == Scheme::Https { 443 } else { 80 });
        let proxy = transport.proxies.for_server(scheme, host, port).cloned();
        let server_name = match &transport.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| EndpointError::Host)?,
        };
        Ok(Self {
            url: Box::from(url),
            address: Box::from(authority),
            transport: Arc::clone(transport),
            scheme,
            target: Target::new(host, port),
            proxy,
            server_name,
            pool: Pool::default(),
            authority: HeaderValue::from_str(authority).map_err(|_| EndpointError::Host)?,
            base_path: preserve_path.then(|| Box::from(uri.path())),
        })
    }

    /// The server's URL as configured.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Host and port as a value of `Host`.
    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The proxy on the way to it.
    pub(super) fn proxy(&self) -> Option<&OutboundProxy> {
        self.proxy.as_deref()
    }

    /// The form of a request's head for the proxy on the way. Where there is a tunnel none is needed.
    pub(super) fn absolute_form(&self) -> Option<AbsoluteForm<'_>> {
        let proxy = self.proxy.as_ref().filter(|_| self.scheme == Scheme::Http)?;
        Some(AbsoluteForm { authority: &self.authority, authorization: proxy.authorization.as_ref() })
    }

    /// The address that connections go to: its own, or that of the proxy on the way.
    pub(super) fn next_hop(&self) -> &Target {
        self.proxy.as_ref().map_or(&self.target, |proxy| &proxy.target)
    }

    /// The prefix of a request's path, with `preserve_path`.
    pub(crate) fn base_path(&self) -> Option<&str> {
        self.base_path.as_deref()
    }

    /// The time limits, TLS and pool limits of its connections.
    #[must_use]
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// True if it is the same server with the same settings: its connections can be reused.
    #[must_use]
    pub fn is(&self, url: &str, preserve_path: bool, transport: &Arc<Transport>) -> bool {
        *self.url == *url && self.base_path.is_some() == preserve_path && Arc::ptr_eq(&self.transport, transport)
    }

    /// Keeps `connection` for the next request.
    pub(super) fn keep(self: &Arc<Self>, connection: Box<Http1>) {
        pool::keep(self, connection);
    }

    /// Shares `connection` with this worker's requests.
    pub(super) fn share(self: &Arc<Self>, connection: Http2) {
        pool::share(self, connection);
    }
}

//! Sends a request to one backend: connections, their reuse, and retries that are safe.
//!
//! The request that uses an HTTP/1.1 connection reads and writes it itself, so that a proxied request is one task.
//! HTTP/2 connections are shared by a worker's requests and driven by a task of their own.

mod connect;
mod connect_error;
mod endpoint;
mod error;
pub(crate) mod fetch;
mod headers;
mod io_error;
mod outbound;
mod pinned;
mod request_body;
mod send;
mod stream;
mod tls;
mod transport;
mod transport_error;
mod tunnel;

pub use connect_error::ConnectError;
pub use endpoint::{Broken, Endpoint, EndpointError, Http1Error, Http2Error, Scheme};
pub use error::ForwardError;
pub use fetch::Fetcher;
pub use outbound::{OutboundProxies, OutboundProxy, OutboundProxyError, TunnelError};
pub use tls::SpiffeError;
pub use transport::Transport;
pub use transport_error::TransportError;
pub use tunnel::{Tunnel, Tunnels};

#[cfg(feature = "fuzzing")]
pub(crate) use endpoint::http1::fuzz;
pub(crate) use headers::{Upgrading, clean_response, is_upgrade, prepare_request};
pub(crate) use send::{ClientSide, UpstreamRequest, send};

#[cfg(test)]
pub(crate) mod tests;

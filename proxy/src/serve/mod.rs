//! Serves one connection: from its first bytes over TLS and HTTP/1 or HTTP/2 to the [`Handler`], with the time limits
//! and the graceful shutdown of an entry point.
//!
//! ```text
//!   Stream ─▶ TLS ─▶ ServerIo ──────────────────▶ hyper, h2 ─▶ response ─▶ Handler
//!                     │ scanner, fields: heads before   │        interim responses, upgrades
//!                     │ write_coalescer: HTTP/2 frames  │
//!                     ▼                                 ▼
//!                    ConnectionActivity: what is being read, waits, requests in flight, responses begun
//!                     ▲
//!                    drive: time limits, the last request, draining
//! ```
//!
//! `ConnectionActivity` is the only state that these share. What is being read, on HTTP/1, is set by the scanner:
//!
//! ```text
//!   Nothing ──first byte──▶ Head ──its end──▶ Body ──last byte──▶ Nothing
//!                            └──its end, no body──────────────────▶ Nothing
//!   A head that asks for an upgrade: later bytes wait for its response, then pass unread (Unknown), or are a Head.
//! ```
//!
//! From that and the requests in flight follows what the connection waits for, and so which limit applies: the first
//! request, the rest of a head, the rest of a body, room to write, the handler, or the next request.

mod activity;
mod connection;
mod drive;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod head;
mod http1;
mod http2;
mod interim_writer;
mod response;
mod scanner;
mod server_io;
mod target;
mod write_coalescer;

#[cfg(test)]
pub(crate) mod test_kit;
#[cfg(test)]
mod tests;

pub(crate) use connection::accepted;

use crate::listener::Entry;
use crate::request::Origin;
use flow_middleware::{Body, Connection, Interim};
use http::{Request, Response};
use std::future::Future;
use std::sync::Arc;

/// A client's connection as requests see it; one for all its requests.
#[derive(Debug)]
pub struct Client {
    /// The client's addresses, TLS session and entry point.
    pub connection: Arc<Connection>,
    /// The entry point.
    pub entry: Arc<Entry>,
    /// The source of its forwarded headers.
    pub origin: Origin,
}

/// Handles requests.
///
/// Handlers do not see requests that break HTTP (400, 431), `CONNECT` (501) and `OPTIONS *` (200). Every other request
/// has exactly one `Host`, also over HTTP/2, and a URI of path and query alone.
pub trait Handler: Send + Sync + 'static {
    /// Handles one request; `interim` is the way of interim responses, if the client takes any. The future is dropped
    /// when the client goes away; a panic becomes a 500.
    fn handle(
        &self,
        client: &Arc<Client>,
        request: Request<Body>,
        interim: Option<Interim>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

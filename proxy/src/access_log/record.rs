//! One finished exchange, as logged.

use super::fields::{FieldMode, REDACTED};
use flow_model::config::IngressMetadata;
use http::{HeaderMap, Method, Version};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The backend's side of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// The server's URL.
    pub url: &'a str,
    /// Its host and port.
    pub address: &'a str,
    /// From sending the request to the response's head.
    pub duration: Duration,
    /// Its status.
    pub status: u16,
}

/// One finished exchange.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The time when the request's head had come.
    pub start: SystemTime,
    /// Until the end of the response.
    pub duration: Duration,
    /// The client.
    pub client: SocketAddr,
    /// The client from the `X-Forwarded-For` of a trusted proxy, else the peer's address.
    pub client_host: &'a str,
    /// The user authenticated by a middleware.
    pub username: Option<&'a str>,
    /// `Host` as received.
    pub host: &'a str,
    /// Method as received.
    pub method: &'a Method,
    /// Path and query as received.
    pub target: &'a str,
    /// Protocol version.
    pub version: Version,
    /// The entry point's name.
    pub entry_point: &'a str,
    /// TLS version, cipher suite of the connection and subject of the client's certificate.
    pub tls: Option<(&'a str, &'a str, Option<&'a str>)>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Headers of the request, if logged.
    pub request_headers: Option<&'a HeaderMap>,
    /// The router, if there is one.
    pub router: Option<&'a str>,
    /// Its service.
    pub service: Option<&'a str>,
    /// The Ingress that the router was made from.
    pub ingress: Option<&'a IngressMetadata>,
    /// The backend's side, if one responded.
    pub upstream: Option<Upstream<'a>>,
    /// The number of times that the request was sent again.
    pub retries: u32,
    /// Status sent to the client.
    pub status: u16,
    /// Bytes of the response's body sent to the client.
    pub response_bytes: u64,
    /// Bytes of the response's body from the backend.
    pub origin_bytes: u64,
    /// Headers of the backend's response, if logged.
    pub origin_headers: Option<&'a HeaderMap>,
    /// Headers sent to the client, if logged.
    pub response_headers: Option<&'a HeaderMap>,
    /// Number of the exchange since the start of the process.
    pub count: u64,
}

impl Record<'_> {
    /// `HTTP/1.1` and so on.
    pub(super) fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "HTTP/0.9",
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_3 => "HTTP/3.0",
            _ => "HTTP/1.1",
        }
    }

    /// A request header, if it is to be written.
    pub(super) fn kept_header(&self, name: &'static str, fields: &super::Fields) -> Option<Cow<'_, str>> {
        let value = self.request_headers?.get(name)?;
        match fields.headers.mode(name) {
            FieldMode::Drop => None,
            FieldMode::Keep => Some(String::from_utf8_lossy(value.as_bytes())),
            FieldMode::Redact => Some(Cow::Borrowed(REDACTED)),
        }
    }
}

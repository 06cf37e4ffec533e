//! Entry points: the addresses where clients connect (Traefik's static `entryPoints.NAME`).

pub use crate::encoded_characters::EncodedCharacters;

use crate::config::{RouterObservability, RouterTls};
use crate::name::Name;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

/// One entry point for TCP clients, with defaults applied.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPoint {
    /// Its name, such as `websecure`.
    pub name: Name,
    /// The addresses to listen on; an empty host means both families by one dual-stack socket.
    pub address: SocketAddr,
    /// True if routers that name no entry point use it (Traefik's `asDefault`).
    pub as_default: bool,
    /// True if ACME HTTP-01 requests with a token unknown to us go to the backends, even past redirections.
    pub allow_acme_bypass: bool,
    /// Draining and time limits.
    pub transport: Transport,
    /// PROXY protocol, when enabled.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// The peers whose `X-Forwarded-*` headers are trusted.
    pub forwarded_headers: ForwardedHeaders,
    /// The settings for every HTTP request on it.
    pub http: Http,
    /// HTTP/2 limits.
    pub http2: Http2,
    /// Defaults for the routers of this entry point.
    pub observability: RouterObservability,
    /// True if routers on it are split off under the name `NAME-router` (an entry point "has a model").
    pub has_model: bool,
}

impl EntryPoint {
    /// Returns an entry point with Traefik's defaults, on which no router is split off.
    #[must_use]
    pub fn new(name: impl Into<Name>, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
            as_default: false,
            allow_acme_bypass: false,
            transport: Transport::default(),
            proxy_protocol: None,
            forwarded_headers: ForwardedHeaders::default(),
            http: Http::default(),
            http2: Http2::default(),
            observability: RouterObservability::default(),
            has_model: false,
        }
    }
}

/// Draining and time limits of an entry point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transport {
    /// The time in which new requests are still accepted after the signal to stop.
    pub request_accept_grace: Duration,
    /// The time that requests in flight may take after that.
    pub grace: Duration,
    /// The longest time to read a request's head, and the longest pause within its body; zero is no limit.
    pub read_timeout: Duration,
    /// The longest pause of a client that does not read its response; zero is no limit.
    pub write_timeout: Duration,
    /// The time that an idle keep-alive connection is kept; zero is no limit.
    pub idle_timeout: Duration,
    /// The age after which a connection is told to close; zero is no limit.
    pub keep_alive_max_time: Duration,
    /// The number of requests after which a connection is told to close; zero is no limit.
    pub keep_alive_max_requests: u32,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            request_accept_grace: Duration::ZERO,
            grace: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::ZERO,
            idle_timeout: Duration::from_secs(180),
            keep_alive_max_time: Duration::ZERO,
            keep_alive_max_requests: 0,
        }
    }
}

/// The peers whose PROXY protocol header is trusted. Those of others are skipped: the client is then the peer, as in
/// Traefik.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyProtocol {
    /// True if all peers are trusted.
    pub insecure: bool,
    /// The trusted peers.
    pub trusted: Vec<IpNet>,
}

/// The peers whose `X-Forwarded-*` headers are trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForwardedHeaders {
    /// True if all peers are trusted.
    pub insecure: bool,
    /// The trusted peers.
    pub trusted: Vec<IpNet>,
    /// Headers that are passed on even if `Connection` names them.
    pub connection: Vec<String>,
    /// True if `X-Forwarded-For` is left as it came.
    pub not_append_x_forwarded_for: bool,
    /// True if `X-Forwarded-Scheme` and `X-Scheme` say what `X-Forwarded-Proto` says; false by default, as in Traefik.
    pub add_x_forwarded_scheme_headers: bool,
}

/// The settings for every HTTP request on an entry point.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Qualified middlewares that run before each router's own.
    pub middlewares: Vec<Name>,
    /// TLS defaults; if present, every router here is a TLS router.
    pub tls: Option<RouterTls>,
    /// The redirection of every request.
    pub redirection: Option<Redirection>,
    /// The percent-encoded characters that are allowed, others are refused with 400; `None` allows all.
    pub encoded_characters: Option<EncodedCharacters>,
    /// True if `;` in a query is sent on as `%3B` instead of `&`.
    pub encode_query_semicolons: bool,
    /// True if `.`, `..` and `//` are resolved before routing.
    pub sanitize_path: bool,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// The treatment of headers that backends may mistake for others.
    pub alias_headers: AliasHeaders,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            middlewares: Vec::new(),
            tls: None,
            redirection: None,
            encoded_characters: None,
            encode_query_semicolons: false,
            sanitize_path: true,
            max_header_bytes: 1 << 20,
            alias_headers: AliasHeaders::default(),
        }
    }
}

/// The treatment of headers that backends may mistake for others: to CGI `X_Auth_User` and `X.Auth.User` are
/// `X-Auth-User`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AliasHeaders {
    /// The action.
    pub strategy: AliasStrategy,
    /// True if only headers with an underscore count (Traefik's `underscoreHeadersStrategy`), not all with anything but
    /// letters, digits and hyphens (`aliasHeadersStrategy`).
    pub only_underscores: bool,
}

impl AliasHeaders {
    /// True if the header of this name counts.
    #[must_use]
    pub fn means(&self, name: &str) -> bool {
        if self.only_underscores {
            return name.contains('_');
        }
        !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
}

/// The action on a header that could be mistaken for another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AliasStrategy {
    /// The header is dropped.
    Delete,
    /// The header is passed on.
    #[default]
    Keep,
    /// The request is refused with 400.
    Reject,
}

/// A redirection of a whole entry point (`http.redirections.entryPoint`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirection {
    /// The scheme to redirect to.
    pub scheme: String,
    /// The port to redirect to: the listening port of the target entry point, or the one written as `:port`.
    pub port: u16,
    /// True for 301 and 308 instead of 302 and 307.
    pub permanent: bool,
    /// The priority of the redirecting router.
    pub priority: i64,
    /// The entry point or `:port` as written, for the router's name (`web-to-websecure`).
    pub to: String,
}

/// HTTP/2 limits of an entry point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Http2 {
    /// The number of streams that a client may have open at once.
    pub max_concurrent_streams: u32,
    /// The size of the header table that clients may use, in bytes.
    pub max_decoder_header_table_size: u32,
    /// The size of the header table that we use, in bytes.
    pub max_encoder_header_table_size: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { max_concurrent_streams: 250, max_decoder_header_table_size: 4096, max_encoder_header_table_size: 4096 }
    }
}

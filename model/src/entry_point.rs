//! Entry points: where clients come in (Traefik's static `entryPoints.NAME`).

use crate::config::{RouterObservability, RouterTls};
use crate::name::Name;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

/// One entry point for TCP clients, all options settled.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPoint {
    /// Its name, such as `websecure`.
    pub name: Name,
    /// The addresses to listen on; an empty host means both families by one dual-stack socket.
    pub address: SocketAddr,
    /// Routers that name no entry point use it (Traefik's `asDefault`).
    pub as_default: bool,
    /// ACME HTTP-01 requests go to the backends when no challenge of ours knows the token, even past redirections.
    pub allow_acme_bypass: bool,
    /// Draining and time limits.
    pub transport: Transport,
    /// PROXY protocol, when enabled.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Whose `X-Forwarded-*` headers are believed.
    pub forwarded_headers: ForwardedHeaders,
    /// What holds for every HTTP request that comes in here.
    pub http: Http,
    /// HTTP/2 limits.
    pub http2: Http2,
    /// Defaults for the routers of this entry point.
    pub observability: RouterObservability,
    /// Routers on this entry point are split off under the name `NAME-router` (an entry point "has a model").
    pub has_model: bool,
}

/// Draining and time limits of an entry point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transport {
    /// How long new requests are still accepted after the signal to stop.
    pub request_accept_grace: Duration,
    /// How long requests in flight may take after that.
    pub grace: Duration,
    /// The longest that reading a request's head may take, and the longest pause within its body; zero is no limit.
    pub read_timeout: Duration,
    /// The longest pause of a client that does not take its answer; zero is no limit.
    pub write_timeout: Duration,
    /// How long an idle keep-alive connection is kept; zero is no limit.
    pub idle_timeout: Duration,
    /// Age after which a connection is told to close; zero is no limit.
    pub keep_alive_max_time: Duration,
    /// Requests after which a connection is told to close; zero is no limit.
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

/// Whose PROXY protocol header is believed. Anybody else's is passed over: the client is then the peer, as in Traefik.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyProtocol {
    /// Everybody's.
    pub insecure: bool,
    /// These peers'.
    pub trusted: Vec<IpNet>,
}

/// Whose `X-Forwarded-*` headers are believed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForwardedHeaders {
    /// Everybody's.
    pub insecure: bool,
    /// These peers'.
    pub trusted: Vec<IpNet>,
    /// Headers that `Connection` may name and that are passed on all the same.
    pub connection: Vec<String>,
    /// Leave `X-Forwarded-For` as it came.
    pub not_append_x_forwarded_for: bool,
}

/// What holds for every HTTP request on an entry point.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Qualified middlewares that run before each router's own.
    pub middlewares: Vec<Name>,
    /// Every router here is a TLS router with these defaults.
    pub tls: Option<RouterTls>,
    /// Everything is redirected elsewhere.
    pub redirection: Option<Redirection>,
    /// Percent-encoded characters that are refused with 400; `None` where not configured (all allowed).
    pub encoded_characters: Option<EncodedCharacters>,
    /// `;` in a query is sent on as `%3B` instead of `&`.
    pub encode_query_semicolons: bool,
    /// `.`, `..` and `//` are resolved before routing.
    pub sanitize_path: bool,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// What happens to headers whose names some backends take for those of others.
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

/// Headers whose names some backends take for those of others: to CGI `X_Auth_User` and `X.Auth.User` are `X-Auth-User`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AliasHeaders {
    /// What happens to them.
    pub strategy: AliasStrategy,
    /// Only those with an underscore are meant (Traefik's `underscoreHeadersStrategy`), not all with anything but letters,
    /// digits and hyphens (`aliasHeadersStrategy`).
    pub only_underscores: bool,
}

impl AliasHeaders {
    /// The header of this name is meant.
    #[must_use]
    pub fn means(&self, name: &str) -> bool {
        if self.only_underscores {
            return name.contains('_');
        }
        !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
}

/// What happens to headers that could be taken for others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AliasStrategy {
    /// They are dropped.
    Delete,
    /// They are passed on.
    #[default]
    Keep,
    /// The request is answered with 400.
    Reject,
}

/// Which percent-encoded characters a path may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EncodedCharacters {
    /// `%2F`
    pub slash: bool,
    /// `%5C`
    pub back_slash: bool,
    /// `%00`
    pub null_character: bool,
    /// `%3B`
    pub semicolon: bool,
    /// `%25`
    pub percent: bool,
    /// `%3F`
    pub question_mark: bool,
    /// `%23`
    pub hash: bool,
}

impl Default for EncodedCharacters {
    fn default() -> Self {
        let yes = true;
        Self {
            slash: yes,
            back_slash: yes,
            null_character: yes,
            semicolon: yes,
            percent: yes,
            question_mark: yes,
            hash: yes,
        }
    }
}

/// A redirection of a whole entry point (`http.redirections.entryPoint`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirection {
    /// The scheme to redirect to.
    pub scheme: String,
    /// The port to redirect to: the listening port of the entry point named, or the one written as `:port`.
    pub port: u16,
    /// 301 and 308 instead of 302 and 307.
    pub permanent: bool,
    /// Priority of the router that does it.
    pub priority: i64,
    /// The entry point or `:port` as written, for the router's name (`web-to-websecure`).
    pub to: String,
}

/// HTTP/2 limits of an entry point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Http2 {
    /// Streams a client may have open at once.
    pub max_concurrent_streams: u32,
    /// Bytes of the header table that clients may use.
    pub max_decoder_header_table_size: u32,
    /// Bytes of the header table that we use.
    pub max_encoder_header_table_size: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { max_concurrent_streams: 250, max_decoder_header_table_size: 4096, max_encoder_header_table_size: 4096 }
    }
}

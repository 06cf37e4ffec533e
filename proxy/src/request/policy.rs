use flow_middleware::Connection;
use flow_model::entry_point::{AliasHeaders, EncodedCharacters, EntryPoint};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::IpAddr;

/// An entry point's rules for request heads, compiled once.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) sanitize_path: bool,
    pub(super) encode_query_semicolons: bool,
    pub(super) denies_characters: bool,
    pub(super) encoded_characters: EncodedCharacters,
    pub(super) aliases: AliasHeaders,
    pub(super) hostname: Option<HeaderValue>,
    /// Backends are told the scheme in `X-Forwarded-Scheme` and `X-Scheme` too.
    pub(super) tells_scheme: bool,
    /// Headers that stay even if `Connection` names them.
    pub(super) kept: Vec<HeaderName>,
    trust_everybody: bool,
    trusted: Vec<IpNet>,
}

/// The facts of a connection that the forwarded headers need, computed once for all its requests.
#[derive(Clone, Debug)]
pub struct Origin {
    /// True if the client's own forwarded headers are trusted.
    pub trusted: bool,
    /// True if it is a TLS connection.
    pub tls: bool,
    /// The client's address without port and zone.
    pub address: HeaderValue,
}

impl Policy {
    /// The policy of `entry_point`; `hostname` is sent as `X-Forwarded-Server` (empty: not sent).
    #[must_use]
    pub fn new(entry_point: &EntryPoint, hostname: &str) -> Self {
        let (http, forwarded) = (&entry_point.http, &entry_point.forwarded_headers);
        let encoded_characters = http.encoded_characters.unwrap_or_default();
        Self {
            sanitize_path: http.sanitize_path,
            encode_query_semicolons: http.encode_query_semicolons,
            denies_characters: encoded_characters != EncodedCharacters::default(),
            encoded_characters,
            aliases: http.alias_headers,
            hostname: HeaderValue::from_str(hostname).ok().filter(|value| !value.is_empty()),
            tells_scheme: forwarded.add_x_forwarded_scheme_headers,
            kept: forwarded.connection.iter().filter_map(|name| name.parse().ok()).collect(),
            trust_everybody: forwarded.insecure,
            trusted: forwarded.trusted.clone(),
        }
    }

    /// The facts common to all requests of `connection`.
    #[must_use]
    pub fn origin(&self, connection: &Connection) -> Origin {
        Origin {
            trusted: self.trusts(connection.remote.ip().to_canonical()),
            tls: connection.tls.is_some(),
            address: connection.address.clone(),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trust_everybody || self.trusted.iter().any(|net| net.contains(&address))
    }
}

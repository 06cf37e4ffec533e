use crate::config::Certificate;
use crate::duration::GoDuration;
use serde::{Deserialize, Serialize};

/// The settings of connections to servers (Traefik's ServersTransport), references resolved by the provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServersTransport {
    /// Name asked for and verified instead of the server's own.
    pub server_name: String,
    /// True if the server's certificate is not verified.
    pub insecure_skip_verify: bool,
    /// Authorities in PEM; if there are any, the system's do not count.
    pub root_cas: Vec<Vec<u8>>,
    /// The lowest TLS version, by Go's name (`VersionTLS12`); empty means the default, TLS 1.2.
    pub min_version: String,
    /// The highest TLS version; empty means the default, TLS 1.3.
    pub max_version: String,
    /// The cipher suites of TLS 1.2, by Go's names; none means all that are served.
    pub cipher_suites: Vec<String>,
    /// Client certificates.
    pub certificates: Vec<Certificate>,
    /// The number of idle connections kept for each server; zero means the default, 200.
    pub max_idle_connections: usize,
    /// Time limits.
    pub timeouts: ForwardingTimeouts,
    /// True if HTTP/2 is not offered to TLS servers.
    pub disable_http2: bool,
    /// URI that the server's certificate must have among its names; empty means none.
    pub peer_cert_uri: String,
    /// The SPIFFE identities that servers may have, verified by `root_cas` instead of their names.
    pub spiffe: Option<Spiffe>,
}

/// SPIFFE identities; with neither field all that the authorities vouch for. The domain counts where there are no `ids`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Spiffe {
    /// Identities that servers may have.
    pub ids: Vec<String>,
    /// Or any of this domain.
    pub trust_domain: String,
}

/// Time limits towards servers; zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForwardingTimeouts {
    /// The time until the connection is established.
    pub dial: GoDuration,
    /// The time from the end of the request to the head of the response.
    pub response_header: GoDuration,
    /// The time that an idle connection is kept.
    pub idle_connection: GoDuration,
    /// The silence after which an HTTP/2 connection is pinged; zero is never.
    pub read_idle: GoDuration,
    /// The time in which a ping must be acknowledged.
    pub ping: GoDuration,
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        Self {
            dial: GoDuration::from_secs(30),
            response_header: GoDuration::default(),
            idle_connection: GoDuration::from_secs(90),
            read_idle: GoDuration::default(),
            ping: GoDuration::from_secs(15),
        }
    }
}

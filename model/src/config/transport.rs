use crate::config::Certificate;
use crate::duration::GoDuration;

/// How servers are reached (Traefik's ServersTransport), references resolved by the provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServersTransport {
    /// Name asked for and verified instead of the server's own.
    pub server_name: String,
    /// The server's certificate is not verified.
    pub insecure_skip_verify: bool,
    /// Authorities in PEM beside or instead of the system's: any makes them the only ones.
    pub root_cas: Vec<Vec<u8>>,
    /// Client certificates.
    pub certificates: Vec<Certificate>,
    /// Idle connections kept for each server; zero means the default of 200 a server.
    pub max_idle_connections: usize,
    /// Time limits.
    pub timeouts: ForwardingTimeouts,
    /// HTTP/2 is not offered to TLS servers.
    pub disable_http2: bool,
}

/// Time limits towards servers; zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForwardingTimeouts {
    /// Until the connection stands.
    pub dial: GoDuration,
    /// From the request's end to the answer's head.
    pub response_header: GoDuration,
    /// How long an idle connection is kept.
    pub idle_connection: GoDuration,
    /// Silence after which an HTTP/2 connection is pinged; zero is never.
    pub read_idle: GoDuration,
    /// How long a ping may go unanswered.
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

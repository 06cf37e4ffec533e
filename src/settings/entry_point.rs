//! `entryPoints.NAME`: the addresses that clients connect to.

use super::address::{Address, RedirectTarget};
use super::mistake::Findings;
use super::node::Node;
use super::reading::read_sections;
use super::schema::{Shape, Value, options_of, section, words_of};
use flow_model::config::{Domain, RouterTls, Verbosity};
use flow_model::entry_point::{AliasStrategy, EncodedCharacters, ForwardedHeaders, Http2, ProxyProtocol};
use flow_model::name::Name;
use ipnet::IpNet;
use serde_json::Value as Json;
use std::time::Duration;

section! {
    /// An entry point.
    EntryPoint {
        /// Where it listens: `[host]:port[/tcp|/udp]`.
        address: Address = Address::default(), "address", required;
        /// ACME challenges may be answered by routers of the user's.
        allow_acme_bypass: bool = false, "allowACMEByPass";
        /// Routers that name no entry point use this one (and the others so marked) instead of all.
        as_default: bool = false, "asDefault";
        /// Other processes, or another entry point, may listen on the same address.
        reuse_port: bool = false, "reusePort", unserved;
        /// Time limits and draining.
        transport: Transport = Transport::default(), "transport";
        /// Reads the PROXY protocol.
        proxy_protocol: Option<ProxyProtocol> = None, "proxyProtocol";
        /// Whose `X-Forwarded-*` headers are believed.
        forwarded_headers: ForwardedHeaders = ForwardedHeaders::default(), "forwardedHeaders";
        /// What holds for every HTTP request.
        http: Http = Http::default(), "http";
        /// HTTP/2 limits.
        http2: Http2 = Http2::default(), "http2";
        /// HTTP/3 on the same port.
        http3: Option<Http3> = None, "http3", unserved;
        /// UDP sessions.
        udp: Udp = Udp::default(), "udp", unserved;
        /// What is recorded of the routers here, unless they say otherwise.
        observability: Option<Observability> = None, "observability";
    }

    /// Time limits and draining of an entry point.
    Transport {
        /// The phases of a stop.
        life_cycle: LifeCycle = LifeCycle::default(), "lifeCycle";
        /// How long a client may take.
        responding_timeouts: RespondingTimeouts = RespondingTimeouts::default(), "respondingTimeouts";
        /// Age after which a connection is told to close; 0 is no limit.
        keep_alive_max_time: Duration = Duration::ZERO, "keepAliveMaxTime";
        /// Requests after which a connection is told to close; 0 is no limit.
        keep_alive_max_requests: u32 = 0, "keepAliveMaxRequests";
    }

    /// The phases of a stop.
    LifeCycle {
        /// How long new requests are still accepted after the signal to stop.
        request_accept_grace_timeout: Duration = Duration::ZERO, "requestAcceptGraceTimeout";
        /// How long requests in flight may take after that.
        grace_timeout: Duration = Duration::from_secs(10), "graceTimeOut";
    }

    /// Time limits for clients.
    RespondingTimeouts {
        /// The longest that a client may take to send a request; 0 is no limit.
        read_timeout: Duration = Duration::from_secs(60), "readTimeout";
        /// The longest that a client may take to receive an answer; 0 is no limit.
        write_timeout: Duration = Duration::ZERO, "writeTimeout";
        /// How long a connection without a request is kept; 0 is no limit.
        idle_timeout: Duration = Duration::from_secs(180), "idleTimeout";
    }

    /// Options for every HTTP request of an entry point.
    Http {
        /// Redirections of everything.
        redirections: Redirections = Redirections::default(), "redirections";
        /// Middlewares before each router's own.
        middlewares: Vec<String> = Vec::new(), "middlewares";
        /// Every router is a TLS router, with these defaults.
        tls: Option<RouterTls> = None, "tls";
        /// Refuses requests with some percent-encoded characters in the path.
        encoded_characters: Option<EncodedCharacters> = None, "encodedCharacters";
        /// `;` in a query is sent on as `%3B` instead of `&`.
        encode_query_semicolons: bool = false, "encodeQuerySemicolons";
        /// Resolves `.`, `..` and `//` in the path before routing.
        sanitize_path: bool = true, "sanitizePath";
        /// The longest request head, in bytes; 0 is the default.
        max_header_bytes: u32 = DEFAULT_MAX_HEADER_BYTES, "maxHeaderBytes";
        /// What happens to headers whose names have anything but letters, digits and hyphens, as CGI takes them for others:
        /// keep, delete, or reject the request.
        alias_headers_strategy: Option<AliasStrategy> = None, "aliasHeadersStrategy";
        /// The same for names with an underscore; deprecated, and not looked at beside aliasHeadersStrategy.
        underscore_headers_strategy: Option<AliasStrategy> = None, "underscoreHeadersStrategy";
    }

    /// Redirections of a whole entry point.
    Redirections {
        /// Redirects everything to another entry point.
        entry_point: Option<RedirectEntryPoint> = None, "entryPoint";
    }

    /// Redirects everything to another entry point.
    RedirectEntryPoint {
        /// The entry point, or a port such as `:443`.
        to: RedirectTarget = RedirectTarget::default(), "to", required;
        /// The scheme that is redirected to.
        scheme: String = "https".to_owned(), "scheme";
        /// 301 and 308 instead of 302 and 307.
        permanent: bool = true, "permanent";
        /// The priority of the router that redirects.
        priority: i64 = i64::MAX - 1, "priority";
    }

    /// HTTP/3.
    Http3 {
        /// The port to advertise; 0 is the entry point's own.
        advertised_port: u16 = 0, "advertisedPort";
    }

    /// UDP sessions.
    Udp {
        /// How long an idle UDP session is kept.
        timeout: Duration = Duration::from_secs(3), "timeout";
    }

    /// Observability of an entry point's routers.
    Observability {
        /// Writes the access log.
        access_logs: bool = true, "accessLogs";
        /// Counts in the metrics.
        metrics: bool = true, "metrics";
        /// Records spans, where tracing is on.
        tracing: bool = true, "tracing";
        /// How much a span tells: minimal or detailed.
        trace_verbosity: Verbosity = Verbosity::Minimal, "traceVerbosity";
    }
}

options_of! {
    ProxyProtocol {
        /// Believes everybody's PROXY protocol header.
        insecure: bool, "insecure";
        /// Believes the PROXY protocol header of these peers.
        trusted: Vec<IpNet>, "trustedIPs";
    }

    ForwardedHeaders {
        /// Believes everybody's `X-Forwarded-*` headers.
        insecure: bool, "insecure";
        /// Believes the `X-Forwarded-*` headers of these peers.
        trusted: Vec<IpNet>, "trustedIPs";
        /// Headers that `Connection` may name and that reach middlewares all the same.
        connection: Vec<String>, "connection";
        /// `X-Forwarded-For` is passed on as it came.
        not_append_x_forwarded_for: bool, "notAppendXForwardedFor";
        /// Tells backends the scheme in `X-Forwarded-Scheme` and `X-Scheme` too.
        add_x_forwarded_scheme_headers: bool, "addXForwardedSchemeHeaders";
    }

    RouterTls {
        /// TLS options for the routers.
        options: Name, "options";
        /// The resolver of certificates for the routers.
        cert_resolver: Name, "certResolver";
        /// The names to ask certificates for.
        domains: Vec<Domain>, "domains";
    }

    Domain {
        /// The first name of a certificate.
        main: String, "main";
        /// Its other names.
        sans: Vec<String>, "sans";
    }

    EncodedCharacters {
        /// `%2F` may stand in a path.
        slash: bool, "allowEncodedSlash";
        /// `%5C` may stand in a path.
        back_slash: bool, "allowEncodedBackSlash";
        /// `%00` may stand in a path.
        null_character: bool, "allowEncodedNullCharacter";
        /// `%3B` may stand in a path.
        semicolon: bool, "allowEncodedSemicolon";
        /// `%25` may stand in a path.
        percent: bool, "allowEncodedPercent";
        /// `%3F` may stand in a path.
        question_mark: bool, "allowEncodedQuestionMark";
        /// `%23` may stand in a path.
        hash: bool, "allowEncodedHash";
    }

    Http2 {
        /// Streams that a client may have open at once.
        max_concurrent_streams: u32, "maxConcurrentStreams";
        /// Bytes of the header table for what clients send.
        max_decoder_header_table_size: u32, "maxDecoderHeaderTableSize";
        /// Bytes of the header table for what is sent to clients.
        max_encoder_header_table_size: u32, "maxEncoderHeaderTableSize";
    }
}

words_of! {
    AliasStrategy {
        Delete = "delete";
        Keep = "keep";
        Reject = "reject";
    }

    Verbosity {
        Detailed = "detailed";
        Minimal = "minimal";
    }
}

/// Go's `http.DefaultMaxHeaderBytes`.
pub(super) const DEFAULT_MAX_HEADER_BYTES: u32 = 1 << 20;

impl EntryPoint {
    /// An entry point with every default.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self { address, ..Self::default() }
    }
}

impl Value for Vec<Domain> {
    const SHAPE: Shape = Shape::Sections(&Domain::SHAPE);

    fn read(&mut self, node: &Node, findings: &mut Findings) {
        read_sections(self, node, findings);
    }

    fn show(&self) -> Json {
        self.iter().map(Value::show).collect()
    }
}

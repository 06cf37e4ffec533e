use super::content::{ContentError, ReadFile, content};
use super::fault::{Fault, Scope};
use super::findings::Findings;
use super::node::Node;
use super::tls::{Pair, certificate};
use super::written::Written;
use flow_model::config::{ForwardingTimeouts, ServersTransport, Spiffe};
use flow_model::duration::GoDuration;
use serde::Deserialize;

/// A ServersTransport as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    server_name: String,
    insecure_skip_verify: bool,
    #[serde(rename = "rootCAs")]
    root_cas: Vec<String>,
    certificates: Vec<Pair>,
    cipher_suites: Vec<String>,
    min_version: String,
    max_version: String,
    max_idle_conns_per_host: i64,
    forwarding_timeouts: Option<Timeouts>,
    #[serde(rename = "disableHTTP2")]
    disable_http2: bool,
    #[serde(rename = "peerCertURI")]
    peer_cert_uri: String,
    spiffe: Option<Spiffe>,
}

/// Time limits as they are written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Timeouts {
    dial_timeout: GoDuration,
    response_header_timeout: GoDuration,
    idle_conn_timeout: GoDuration,
    read_idle_timeout: GoDuration,
    ping_timeout: GoDuration,
    /// Traefik reads these two, but uses them for ingress-nginx only.
    #[serde(rename = "readTimeout")]
    _read_timeout: GoDuration,
    #[serde(rename = "writeTimeout")]
    _write_timeout: GoDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let default = ForwardingTimeouts::default();
        Self {
            dial_timeout: default.dial,
            response_header_timeout: default.response_header,
            idle_conn_timeout: default.idle_connection,
            read_idle_timeout: default.read_idle,
            ping_timeout: default.ping,
            _read_timeout: GoDuration::default(),
            _write_timeout: GoDuration::default(),
        }
    }
}

/// Reads a ServersTransport. One whose authorities or certificates cannot be read is not served: a backend must not be
/// trusted by mistake.
pub(super) fn transport(node: &Node, read: ReadFile<'_>, findings: &mut Findings) -> Result<ServersTransport, Fault> {
    let spec = Spec::deserialize(Written(node))?;
    if spec.max_idle_conns_per_host < 0 {
        let message = "a negative number is not served: one idle connection is kept for each server";
        findings.warn(&["maxIdleConnsPerHost"], message);
    }
    let timeouts = spec.forwarding_timeouts.unwrap_or_default();
    let mut transport = ServersTransport {
        server_name: spec.server_name,
        insecure_skip_verify: spec.insecure_skip_verify,
        min_version: spec.min_version,
        max_version: spec.max_version,
        cipher_suites: spec.cipher_suites,
        max_idle_connections: usize::try_from(spec.max_idle_conns_per_host).unwrap_or(1),
        timeouts: ForwardingTimeouts {
            dial: timeouts.dial_timeout,
            response_header: timeouts.response_header_timeout,
            idle_connection: timeouts.idle_conn_timeout,
            read_idle: timeouts.read_idle_timeout,
            ping: timeouts.ping_timeout,
        },
        disable_http2: spec.disable_http2,
        peer_cert_uri: spec.peer_cert_uri,
        spiffe: spec.spiffe,
        ..ServersTransport::default()
    };
    let object = |error: ContentError| Fault::new(Scope::Object, error.to_string());
    for (index, given) in spec.root_cas.iter().enumerate() {
        let pem = content(given, read);
        let pem = pem.map_err(|error| object(error).within(&format!("[{index}]")).within("rootCAs"))?;
        transport.root_cas.push(pem);
    }
    for (index, pair) in spec.certificates.iter().enumerate() {
        let certificate = certificate(pair, "", read).map_err(|(key, error)| object(error).within(key));
        let place = |fault: Fault| fault.within(&format!("[{index}]")).within("certificates");
        transport.certificates.push(certificate.map_err(place)?);
    }
    Ok(transport)
}

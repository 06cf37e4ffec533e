//! ServersTransport: the settings of connections to servers.

use super::fields::shape;
use super::spec::{Named, Spec};
use flow_model::config::Spiffe;
use flow_model::duration::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

/// How servers are reached.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransportSpec {
    /// Name asked for and verified instead of the server's own.
    pub server_name: String,
    /// The server's certificate is not verified.
    pub insecure_skip_verify: bool,
    /// Authorities to verify servers with.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<RootCa>,
    /// Deprecated: use rootCAs.
    #[serde(rename = "rootCAsSecrets")]
    pub root_cas_secrets: Vec<String>,
    /// Secrets with client certificates, under `tls.crt` and `tls.key`.
    pub certificates_secrets: Vec<String>,
    /// Cipher suites for TLS 1.2.
    pub cipher_suites: Vec<String>,
    /// The lowest TLS version.
    pub min_version: String,
    /// The highest TLS version.
    pub max_version: String,
    /// Idle connections kept for each server.
    #[schemars(range(min = -1))]
    pub max_idle_conns_per_host: i64,
    /// Time limits.
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// HTTP/2 is not offered to servers.
    #[serde(rename = "disableHTTP2")]
    pub disable_http2: bool,
    /// URI that the server's certificate must hold.
    #[serde(rename = "peerCertURI")]
    pub peer_cert_uri: String,
    /// Names that the server's certificate must hold, one of them.
    #[serde(rename = "peerCertSANs")]
    pub peer_cert_sans: Vec<PeerCertSan>,
    /// SPIFFE.
    pub spiffe: Option<Spiffe>,
}

impl Spec for ServersTransportSpec {
    const KIND: &'static str = "ServersTransport";
    const PLURAL: &'static str = "serverstransports";

    fn named(&self) -> Vec<Named<'_>> {
        let authorities = self.root_cas.iter().filter_map(|ca| ca.secret.as_deref());
        let names = self.root_cas_secrets.iter().chain(&self.certificates_secrets).map(String::as_str);
        let config_maps = self.root_cas.iter().filter_map(|ca| ca.config_map.as_deref());
        authorities.chain(names).map(Named::Secret).chain(config_maps.map(Named::ConfigMap)).collect()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<ServersTransportSpec>);
        &FIELDS
    }
}

/// Authorities in a Secret or in a ConfigMap, under `tls.ca` or `ca.crt`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RootCa {
    /// The Secret.
    pub secret: Option<String>,
    /// The ConfigMap.
    pub config_map: Option<String>,
}

/// Time limits: seconds as a number, or a text such as `1m30s`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardingTimeouts {
    /// Until the connection stands.
    pub dial_timeout: Option<GoDuration>,
    /// From the request's end to the answer's head.
    pub response_header_timeout: Option<GoDuration>,
    /// How long an idle connection is kept.
    pub idle_conn_timeout: Option<GoDuration>,
    /// Silence after which an HTTP/2 connection is pinged.
    pub read_idle_timeout: Option<GoDuration>,
    /// How long a ping may go unanswered.
    pub ping_timeout: Option<GoDuration>,
}

/// A name of a certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct PeerCertSan {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name.
    pub value: String,
}

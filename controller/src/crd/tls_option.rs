//! TLSOption: the settings of TLS connections.

use super::fields::shape;
use super::spec::{Named, Spec};
use flow_model::config::ClientAuthType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

/// TLS options of connections.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsOptionSpec {
    /// The lowest TLS version served: VersionTLS12 or VersionTLS13.
    pub min_version: String,
    /// The highest TLS version served.
    pub max_version: String,
    /// Cipher suites for TLS 1.2 by their IANA names.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups in order of preference.
    pub curve_preferences: Vec<String>,
    /// Client certificates.
    pub client_auth: ClientAuth,
    /// Connections without a certificate of their own for the name asked for are refused.
    pub sni_strict: bool,
    /// Application protocols offered, in order of preference.
    pub alpn_protocols: Vec<String>,
    /// Sessions are not resumed by tickets.
    pub disable_session_tickets: bool,
    /// Accepted without effect.
    pub prefer_server_cipher_suites: Option<bool>,
}

impl Spec for TlsOptionSpec {
    const KIND: &'static str = "TLSOption";
    const PLURAL: &'static str = "tlsoptions";

    fn named(&self) -> Vec<Named<'_>> {
        self.client_auth.secret_names.iter().map(|name| Named::Secret(name)).collect()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<TlsOptionSpec>);
        &FIELDS
    }
}

/// Client certificates.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientAuth {
    /// Secrets with the authorities, under `tls.ca` or `ca.crt`.
    pub secret_names: Vec<String>,
    /// What is asked of clients.
    #[schemars(with = "Option<ClientAuthTypeName>")]
    pub client_auth_type: Option<ClientAuthType>,
}

/// The names of [`ClientAuthType`], for the schema.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
enum ClientAuthTypeName {
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

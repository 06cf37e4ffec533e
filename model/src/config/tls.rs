use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A certificate chain and its key, in PEM, with their origin.
///
/// The key is never shown: neither `Debug` nor serialisation has it.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    /// The origin, for messages and for the order of trying: `namespace-secret`.
    pub origin: Name,
    /// The chain in PEM, leaf first.
    pub chain: Vec<u8>,
    /// The private key in PEM.
    pub key: Vec<u8>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// TLS options of connections (Traefik's TLSOption), as written; unusable values are found when they are compiled.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsOptions {
    /// The lowest version: `VersionTLS12`, `VersionTLS13`…; empty is the default.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// The highest version, written alike; empty is no limit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// IANA names as Go writes them; empty is the default set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// `X25519`, `CurveP256`, `secp256r1`…; empty is the default set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve_preferences: Vec<String>,
    /// The settings of client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// True if connections are refused that have no certificate of their own for the name asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sni_strict: bool,
    /// Protocols offered, in order; empty is `h2, http/1.1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn_protocols: Vec<String>,
    /// True if sessions are not resumed by tickets.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_session_tickets: bool,
    /// The reason why the object cannot be used (a missing CA), set by the provider: connections that need it are
    /// closed.
    #[serde(skip)]
    pub broken: Option<String>,
}

impl TlsOptions {
    /// True if clients are asked for certificates.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        let asks = |auth: &ClientAuth| match auth.client_auth_type {
            None => !auth.ca_files.is_empty(),
            Some(kind) => kind != ClientAuthType::NoClientCert,
        };
        self.client_auth.as_ref().is_some_and(asks)
    }
}

/// The settings of client certificates.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientAuth {
    /// Authorities in PEM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<String>,
    /// The demand on the client; `None` is `RequireAndVerifyClientCert` where authorities are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth_type: Option<ClientAuthType>,
}

/// The demand on the client (Go's names).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ClientAuthType {
    /// No certificate is asked for.
    NoClientCert,
    /// A certificate is asked for but not required.
    RequestClientCert,
    /// Any certificate is required.
    RequireAnyClientCert,
    /// A certificate of the authorities is required.
    RequireAndVerifyClientCert,
    /// If the client sends one, it must be of the authorities.
    VerifyClientCertIfGiven,
}

/// The store of the default certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsStore {
    /// The certificate that is served where no other fits.
    pub default_certificate: Option<Certificate>,
    /// Or the request for one from a certificate resolver.
    pub default_generated: Option<GeneratedCertificate>,
}

/// A default certificate that a resolver obtains.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct GeneratedCertificate {
    /// The resolver.
    pub resolver: Name,
    /// The names.
    pub domain: super::Domain,
}

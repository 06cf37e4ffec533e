use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A certificate chain and its key, in PEM, with where they come from.
///
/// The key is never shown: neither `Debug` nor serialisation has it.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    /// Where it comes from, for messages and for the order of trying: `namespace-secret`.
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

/// TLS options of connections (Traefik's TLSOption), as written; what cannot be served is found when they are compiled.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsOptions {
    /// `VersionTLS12`, `VersionTLS13`…; empty is the default.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// The same; empty is no limit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// IANA names as Go writes them; empty is the default set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// `X25519`, `CurveP256`, `secp256r1`…; empty is the default set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve_preferences: Vec<String>,
    /// Client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// Connections without a certificate of their own for the name asked for are refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sni_strict: bool,
    /// Protocols offered, in order; empty is `h2, http/1.1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn_protocols: Vec<String>,
    /// Sessions are not resumed by tickets.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_session_tickets: bool,
    /// Set by the provider where the object cannot hold (a CA missing): connections that need it are closed.
    #[serde(skip)]
    pub broken: Option<String>,
}

impl TlsOptions {
    /// True where clients are asked for certificates.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        let asks = |auth: &ClientAuth| match auth.client_auth_type {
            None => !auth.ca_files.is_empty(),
            Some(kind) => kind != ClientAuthType::NoClientCert,
        };
        self.client_auth.as_ref().is_some_and(asks)
    }
}

/// Client certificates.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientAuth {
    /// Authorities in PEM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<String>,
    /// What is asked of the client; `None` is `RequireAndVerifyClientCert` where authorities are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth_type: Option<ClientAuthType>,
}

/// What is asked of a client (Go's names).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ClientAuthType {
    /// Nothing.
    NoClientCert,
    /// A certificate, if it likes.
    RequestClientCert,
    /// Any certificate.
    RequireAnyClientCert,
    /// A certificate of the authorities.
    RequireAndVerifyClientCert,
    /// If it sends one, it must be of the authorities.
    VerifyClientCertIfGiven,
}

/// The store of the default certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsStore {
    /// Served where no other certificate fits.
    pub default_certificate: Option<Certificate>,
    /// Or one from a certificate resolver.
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

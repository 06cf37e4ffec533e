//! TLSStore: the default certificate and further ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The store of certificates. Only the one named `default` is used.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsStoreSpec {
    /// Served where no other certificate fits.
    pub default_certificate: Option<Certificate>,
    /// Or one that a certificate resolver obtains.
    pub default_generated_cert: Option<GeneratedCertificate>,
    /// Further certificates.
    pub certificates: Vec<Certificate>,
}

/// A certificate in a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The Secret, with `tls.crt` and `tls.key`.
    pub secret_name: String,
}

/// A certificate that a resolver obtains.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratedCertificate {
    /// The resolver.
    pub resolver: String,
    /// The names.
    pub domain: Option<Domain>,
}

/// A certificate's names.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    /// The first name.
    pub main: String,
    /// The others.
    pub sans: Vec<String>,
}

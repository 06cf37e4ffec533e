//! TLSStore: the default certificate and further ones.

use super::fields::shape;
use super::spec::{Named, Spec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

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

impl Spec for TlsStoreSpec {
    const KIND: &'static str = "TLSStore";
    const PLURAL: &'static str = "tlsstores";

    fn named(&self) -> Vec<Named<'_>> {
        let all = self.default_certificate.iter().chain(&self.certificates);
        all.map(|certificate| Named::Secret(&certificate.secret_name)).collect()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<TlsStoreSpec>);
        &FIELDS
    }
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

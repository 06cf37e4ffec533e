use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Guesses the type of answers that have none.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentType {
    /// Deprecated, without effect.
    pub auto_detect: Option<bool>,
}

/// Translates gRPC-Web.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcWeb {
    /// Origins allowed.
    pub allow_origins: Vec<String>,
}

/// Tells the backend the client's certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
#[schemars(rename = "PassTLSClientCert")]
pub struct PassTlsClientCert {
    /// The certificate itself.
    pub pem: bool,
    /// Parts of it.
    pub info: Option<ClientCertInfo>,
}

/// Parts of a client's certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientCertInfo {
    /// Its end.
    pub not_after: bool,
    /// Its begin.
    pub not_before: bool,
    /// Its alternative names.
    pub sans: bool,
    /// Its serial number.
    pub serial_number: bool,
    /// Its subject.
    pub subject: Option<SubjectInfo>,
    /// Its issuer.
    pub issuer: Option<IssuerInfo>,
}

/// Parts of a certificate's subject.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectInfo {
    /// C
    pub country: bool,
    /// ST
    pub province: bool,
    /// L
    pub locality: bool,
    /// O
    pub organization: bool,
    /// OU
    pub organizational_unit: bool,
    /// CN
    pub common_name: bool,
    /// SN
    pub serial_number: bool,
    /// DC
    pub domain_component: bool,
}

/// Parts of a certificate's issuer.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IssuerInfo {
    /// C
    pub country: bool,
    /// ST
    pub province: bool,
    /// L
    pub locality: bool,
    /// O
    pub organization: bool,
    /// CN
    pub common_name: bool,
    /// SN
    pub serial_number: bool,
    /// DC
    pub domain_component: bool,
}

use crate::is_default;
use serde::{Deserialize, Serialize};

/// Tells the backend the client's certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PassTLSClientCert"))]
#[serde(rename_all = "camelCase", default)]
pub struct PassTlsClientCert {
    /// The certificate itself.
    #[serde(skip_serializing_if = "is_default")]
    pub pem: bool,
    /// Parts of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<ClientCertInfo>,
}

/// Parts of a client's certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ClientCertInfo {
    /// Its end.
    #[serde(skip_serializing_if = "is_default")]
    pub not_after: bool,
    /// Its begin.
    #[serde(skip_serializing_if = "is_default")]
    pub not_before: bool,
    /// Its alternative names.
    #[serde(skip_serializing_if = "is_default")]
    pub sans: bool,
    /// Its serial number.
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: bool,
    /// Its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectInfo>,
    /// Its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerInfo>,
}

/// Parts of a certificate's subject.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectInfo {
    /// C
    #[serde(skip_serializing_if = "is_default")]
    pub country: bool,
    /// ST
    #[serde(skip_serializing_if = "is_default")]
    pub province: bool,
    /// L
    #[serde(skip_serializing_if = "is_default")]
    pub locality: bool,
    /// O
    #[serde(skip_serializing_if = "is_default")]
    pub organization: bool,
    /// OU
    #[serde(skip_serializing_if = "is_default")]
    pub organizational_unit: bool,
    /// CN
    #[serde(skip_serializing_if = "is_default")]
    pub common_name: bool,
    /// SN
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: bool,
    /// DC
    #[serde(skip_serializing_if = "is_default")]
    pub domain_component: bool,
}

/// Parts of a certificate's issuer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct IssuerInfo {
    /// C
    #[serde(skip_serializing_if = "is_default")]
    pub country: bool,
    /// ST
    #[serde(skip_serializing_if = "is_default")]
    pub province: bool,
    /// L
    #[serde(skip_serializing_if = "is_default")]
    pub locality: bool,
    /// O
    #[serde(skip_serializing_if = "is_default")]
    pub organization: bool,
    /// CN
    #[serde(skip_serializing_if = "is_default")]
    pub common_name: bool,
    /// SN
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: bool,
    /// DC
    #[serde(skip_serializing_if = "is_default")]
    pub domain_component: bool,
}

use super::{Condition, IssuerRef, Object};
use flow_model::duration::GoDuration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A `CertificateRequest`: one attempt to have a certificate signed. Its spec never changes.
pub type CertificateRequest = Object<RequestSpec, RequestStatus>;

/// What is to be signed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestSpec {
    /// Life time asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// Who signs.
    pub issuer_ref: IssuerRef,
    /// The signing request: PEM in base64.
    pub request: String,
    /// A signing certificate is asked for.
    #[serde(default, rename = "isCA", skip_serializing_if = "std::ops::Not::not")]
    pub is_ca: bool,
    /// What the key may be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usages: Vec<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct RequestStatus {
    /// `Approved`, `Denied`, `Ready`, `InvalidRequest`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The signed chain: PEM in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_time: Option<Timestamp>,
}

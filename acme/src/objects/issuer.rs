use super::{Condition, Object};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An `Issuer`, or a `ClusterIssuer` if the namespace is empty.
pub type Issuer = Object<IssuerSpec, IssuerStatus>;

/// What an issuer is. `vault` and `venafi` are somebody else's.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuerSpec {
    /// An ACME account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeSpec>,
    /// A key pair that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaSpec>,
    /// Certificates that sign themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSignedSpec>,
    /// HashiCorp's Vault: known, not served here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<serde_json::Value>,
    /// Venafi: known, not served here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venafi: Option<serde_json::Value>,
}

/// A CA whose certificate and key are in a Secret, of the type `kubernetes.io/tls`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaSpec {
    /// The Secret: in the issuer's namespace, or in that of the Secrets of ClusterIssuers.
    pub secret_name: String,
    /// URLs of the lists of revoked certificates, for the certificates that are signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl_distribution_points: Vec<String>,
    /// URLs at which the state of a certificate can be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ocsp_servers: Vec<String>,
    /// URLs of the CA's certificate.
    #[serde(default, rename = "issuingCertificateURLs", skip_serializing_if = "Vec::is_empty")]
    pub issuing_certificate_urls: Vec<String>,
}

/// Certificates that their own key signs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SelfSignedSpec {
    /// URLs of the lists of revoked certificates, for the certificates that are signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl_distribution_points: Vec<String>,
}

/// An account at an ACME server and how its challenges are solved.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcmeSpec {
    /// Contact address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// URL of the server's directory.
    pub server: String,
    /// Common name of the issuer at the top of the chain to prefer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preferred_chain: String,
    /// Authorities of the server's own certificate: PEM in base64. Empty: the system's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ca_bundle: String,
    /// The server's certificate is not checked.
    #[serde(default, rename = "skipTLSVerify", skip_serializing_if = "std::ops::Not::not")]
    pub skip_tls_verify: bool,
    /// A key that ties the account to a customer of the CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_account_binding: Option<ExternalAccountBinding>,
    /// Secret of the account's private key.
    pub private_key_secret_ref: SecretKeyRef,
    /// How to solve challenges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub solvers: Vec<Solver>,
    /// The account's key must be there already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_account_key_generation: bool,
    /// The certificate's duration is sent to the CA.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enable_duration_feature: bool,
    /// Profile of the orders.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
}

/// External account binding (RFC 8555 §7.3.4).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExternalAccountBinding {
    /// The CA's name for the key.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// Secret of the key, base64url within the Secret's value.
    pub key_secret_ref: SecretKeyRef,
}

/// A value in a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretKeyRef {
    /// The Secret.
    pub name: String,
    /// The entry; empty is the default of the place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

impl SecretKeyRef {
    /// Returns the entry's name, or `default` if there is none.
    #[must_use]
    pub fn key_or<'a>(&'a self, default: &'a str) -> &'a str {
        if self.key.is_empty() { default } else { &self.key }
    }
}

/// One way to solve challenges.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Solver {
    /// For which certificates; none is for all, at the lowest rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<SolverSelector>,
    /// Over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http01: Option<Http01>,
    /// Over DNS: known, not solved here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns01: Option<serde_json::Value>,
}

/// Which certificates a solver is for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SolverSelector {
    /// Labels that the Certificate has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Names, exactly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// Domains with all below them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_zones: Vec<String>,
}

/// HTTP-01.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Http01 {
    /// By an Ingress: whose class decides whether this proxy is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Http01Ingress>,
    /// By a Gateway route: known, and solved the same way.
    #[serde(default, rename = "gatewayHTTPRoute", skip_serializing_if = "Option::is_none")]
    pub gateway_http_route: Option<serde_json::Value>,
}

/// The Ingress of an HTTP-01 solver. No solver pod, Service or Ingress exists here: only the class counts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Http01Ingress {
    /// Ingress class by annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Ingress class by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// An Ingress to edit: accepted and ignored.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Http01Ingress {
    /// Returns the class from either field; `None` if the default class is meant.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.ingress_class_name.as_deref().or(self.class.as_deref()).filter(|class| !class.is_empty())
    }
}

/// What is known of an issuer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuerStatus {
    /// `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeStatus>,
}

/// What is known of an account.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct AcmeStatus {
    /// The account's URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// The address that was registered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_registered_email: String,
    /// SHA-256 of the private key that was registered, in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_private_key_hash: String,
}

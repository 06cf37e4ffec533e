use super::HeaderFields;
use serde::{Deserialize, Serialize};

/// Headers of requests and answers, CORS, and the usual security headers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Set on requests; an empty value deletes.
    #[serde(skip_serializing_if = "HeaderFields::is_empty")]
    pub custom_request_headers: HeaderFields,
    /// Set on answers; an empty value deletes.
    #[serde(skip_serializing_if = "HeaderFields::is_empty")]
    pub custom_response_headers: HeaderFields,
    /// `Access-Control-Allow-Credentials`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub access_control_allow_credentials: bool,
    /// `Access-Control-Allow-Headers`
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub access_control_allow_headers: Box<[String]>,
    /// `Access-Control-Allow-Methods`
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub access_control_allow_methods: Box<[String]>,
    /// Origins allowed; `*` is every one.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub access_control_allow_origin_list: Box<[String]>,
    /// Origins allowed by regular expressions.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub access_control_allow_origin_list_regex: Box<[String]>,
    /// `Access-Control-Expose-Headers`
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub access_control_expose_headers: Box<[String]>,
    /// `Access-Control-Max-Age` in seconds
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_max_age: Option<i64>,
    /// `Vary` gets `Origin`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub add_vary_header: bool,
    /// Hosts served; empty means all.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub allowed_hosts: Box<[String]>,
    /// Headers that may hold the host instead of `Host`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub hosts_proxy_headers: Box<[String]>,
    /// Headers and values that say the request came over TLS.
    #[serde(skip_serializing_if = "HeaderFields::is_empty")]
    pub ssl_proxy_headers: HeaderFields,
    /// `Strict-Transport-Security: max-age`; zero leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts_seconds: Option<i64>,
    /// `includeSubDomains`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sts_include_subdomains: bool,
    /// `preload`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sts_preload: bool,
    /// Also over plain connections.
    #[serde(rename = "forceSTSHeader", skip_serializing_if = "std::ops::Not::not")]
    pub force_sts_header: bool,
    /// `X-Frame-Options: DENY`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frame_deny: bool,
    /// `X-Frame-Options`
    #[serde(skip_serializing_if = "str::is_empty")]
    pub custom_frame_options_value: Box<str>,
    /// `X-Content-Type-Options: nosniff`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub content_type_nosniff: bool,
    /// `X-XSS-Protection: 1; mode=block`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub browser_xss_filter: bool,
    /// `X-XSS-Protection`
    #[serde(rename = "customBrowserXSSValue", skip_serializing_if = "str::is_empty")]
    pub custom_browser_xss_value: Box<str>,
    /// `Content-Security-Policy`; `$NONCE` is replaced by a fresh nonce.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub content_security_policy: Box<str>,
    /// `Content-Security-Policy-Report-Only`
    #[serde(skip_serializing_if = "str::is_empty")]
    pub content_security_policy_report_only: Box<str>,
    /// `Public-Key-Pins`, over TLS only
    #[serde(skip_serializing_if = "str::is_empty")]
    pub public_key: Box<str>,
    /// `Referrer-Policy`
    #[serde(skip_serializing_if = "str::is_empty")]
    pub referrer_policy: Box<str>,
    /// `Permissions-Policy`
    #[serde(skip_serializing_if = "str::is_empty")]
    pub permissions_policy: Box<str>,
    /// Host, TLS and STS rules are off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_development: bool,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_policy: Option<Box<str>>,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_redirect: Option<bool>,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_temporary_redirect: Option<bool>,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_host: Option<Box<str>>,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_force_host: Option<bool>,
}

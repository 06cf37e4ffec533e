use serde::{Deserialize, Serialize};

/// Redirects to another scheme.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RedirectScheme {
    /// The scheme.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// The port; empty means the scheme's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub port: String,
    /// 301 and 308 instead of 302 and 307.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

/// Redirects by a regular expression on the whole URL.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RedirectRegex {
    /// What to look for in `scheme://host[:port]/path?query`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
    /// What to put there (`$1`, `${1}`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub replacement: String,
    /// 301 and 308 instead of 302 and 307.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

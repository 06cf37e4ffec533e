use serde::{Deserialize, Serialize};

/// Puts a prefix before the path.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AddPrefix {
    /// The prefix.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// Takes a prefix off the path and tells it in `X-Forwarded-Prefix`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct StripPrefix {
    /// The first that fits is taken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Accepted without effect, as in Traefik 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_slash: Option<bool>,
}

/// Takes a prefix off the path by regular expressions.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StripPrefixRegex {
    /// The first that matches at the start of the path is taken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regex: Vec<String>,
}

/// Replaces the path and tells the old one in `X-Replaced-Path`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReplacePath {
    /// The new path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Replaces the path by a regular expression.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReplacePathRegex {
    /// What to look for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
    /// What to put there (`$1`, `${1}`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub replacement: String,
}

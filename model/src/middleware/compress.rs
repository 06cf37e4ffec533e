use crate::is_none_or_default;
use serde::{Deserialize, Serialize};

/// Compresses answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Compress {
    /// Content types that are not compressed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_content_types: Vec<String>,
    /// The only content types that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_content_types: Vec<String>,
    /// Shorter answers are not compressed, in bytes; zero is 1024.
    #[serde(skip_serializing_if = "is_none_or_default")]
    pub min_response_body_bytes: Option<u64>,
    /// Encodings offered: the first is preferred where the client has no preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<Encoding>,
    /// Encoding for clients that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_encoding: Option<Encoding>,
}

impl Default for Compress {
    fn default() -> Self {
        Self {
            excluded_content_types: Vec::new(),
            included_content_types: Vec::new(),
            min_response_body_bytes: None,
            encodings: vec![Encoding::Gzip, Encoding::Br, Encoding::Zstd],
            default_encoding: None,
        }
    }
}

/// A content coding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Brotli, RFC 7932
    Br,
    /// gzip, RFC 1952
    Gzip,
    /// Zstandard, RFC 8878
    Zstd,
}

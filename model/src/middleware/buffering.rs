use crate::is_default;
use serde::{Deserialize, Serialize};

/// Reads whole bodies before they are sent on.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Buffering {
    /// The longest request body, in bytes; no limit where zero.
    #[serde(skip_serializing_if = "is_default")]
    pub max_request_body_bytes: i64,
    /// Of it this much is kept in memory.
    #[serde(skip_serializing_if = "is_default")]
    pub mem_request_body_bytes: i64,
    /// The longest answer, in bytes; no limit where zero.
    #[serde(skip_serializing_if = "is_default")]
    pub max_response_body_bytes: i64,
    /// Of it this much is kept in memory.
    #[serde(skip_serializing_if = "is_default")]
    pub mem_response_body_bytes: i64,
    /// When a request is tried again.
    #[serde(skip_serializing_if = "is_default")]
    pub retry_expression: String,
}

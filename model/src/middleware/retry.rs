use crate::duration::GoDuration;
use crate::is_default;
use serde::{Deserialize, Serialize};

/// Asks again when a request fails.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// The number of tries in all.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: u32,
    /// No try begins later than this after the first; zero is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: GoDuration,
    /// The pause before the second try; the pauses grow to twice of it. Zero is none.
    #[serde(skip_serializing_if = "is_default")]
    pub initial_interval: GoDuration,
    /// The longest request body that is kept for another try, in bytes; negative is no limit.
    pub max_request_body_bytes: i64,
    /// Statuses, and ranges such as `500-599`, that are failures too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Errors of the network are no reason.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_retry_on_network_error: bool,
    /// POST, PATCH and LOCK are repeated too, even if a server may have acted on them.
    #[serde(skip_serializing_if = "is_default")]
    pub retry_non_idempotent_method: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 0,
            timeout: GoDuration::default(),
            initial_interval: GoDuration::default(),
            max_request_body_bytes: 2 << 20,
            status: Vec::new(),
            disable_retry_on_network_error: false,
            retry_non_idempotent_method: false,
        }
    }
}

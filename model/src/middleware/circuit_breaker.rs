use crate::duration::GoDuration;
use crate::is_default;
use serde::{Deserialize, Serialize};

/// Stops asking a service that fails.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CircuitBreaker {
    /// The condition on which it trips.
    #[serde(skip_serializing_if = "is_default")]
    pub expression: String,
    /// The shortest time between two looks at the condition.
    pub check_period: GoDuration,
    /// The time for which it stays tripped.
    pub fallback_duration: GoDuration,
    /// The time in which it lets more and more requests through again.
    pub recovery_duration: GoDuration,
    /// The status of the responses meanwhile.
    pub response_code: u16,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            expression: String::new(),
            check_period: GoDuration::from_millis(100),
            fallback_duration: GoDuration::from_secs(10),
            recovery_duration: GoDuration::from_secs(10),
            response_code: 503,
        }
    }
}

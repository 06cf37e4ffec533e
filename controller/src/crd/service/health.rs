use flow_model::duration::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Requests that tell whether a server is well.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Scheme of the request; the server's where empty.
    pub scheme: String,
    /// http or grpc; http where empty.
    pub mode: String,
    /// Path of the request.
    pub path: String,
    /// Method of the request; GET where empty.
    pub method: String,
    /// Status expected; any of 200 to 399 where zero.
    pub status: u16,
    /// Port, if another than the server's.
    pub port: u16,
    /// Time between two requests; 30s where absent.
    pub interval: Option<GoDuration>,
    /// Time between two requests to a server that is not well; the same where absent.
    pub unhealthy_interval: Option<GoDuration>,
    /// Time that a response may take; 5s where absent.
    pub timeout: Option<GoDuration>,
    /// Host of the request; the server's where empty.
    pub hostname: String,
    /// Redirections are followed; true where absent.
    pub follow_redirects: Option<bool>,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
}

/// The failures after which a server gets no requests for a while.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// Time in which failures are counted, and for which the server gets no requests; 10s where absent.
    pub failure_window: Option<GoDuration>,
    /// Number of failures that are too many; 1 where absent.
    pub max_failed_attempts: Option<u32>,
}

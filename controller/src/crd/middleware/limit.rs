use super::auth::ClientTls;
use flow_model::duration::GoDuration;
use flow_model::middleware::{IpStrategy, SourceCriterion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits the rate of requests.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Requests a period; no limit where zero.
    #[schemars(range(min = 0))]
    pub average: Option<i64>,
    /// The period; a second where absent.
    pub period: Option<GoDuration>,
    /// Requests that may come at once; one where absent.
    #[schemars(range(min = 0))]
    pub burst: Option<i64>,
    /// What a source of requests is; the client's address where absent.
    pub source_criterion: Option<SourceCriterion>,
    /// Where the buckets are kept for several replicas.
    pub redis: Option<Redis>,
}

/// A Redis server.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redis {
    /// Its addresses.
    pub endpoints: Vec<String>,
    /// How it is reached over TLS.
    pub tls: Option<ClientTls>,
    /// Secret with username and password.
    pub secret: String,
    /// Number of the database.
    pub db: i64,
    /// Connections at the start.
    pub pool_size: i64,
    /// The fewest idle connections.
    pub min_idle_conns: i64,
    /// The most connections.
    pub max_active_conns: i64,
    /// Time limit for reading.
    pub read_timeout: Option<GoDuration>,
    /// Time limit for writing.
    pub write_timeout: Option<GoDuration>,
    /// Time limit for connecting.
    pub dial_timeout: Option<GoDuration>,
    /// Requests are refused where it does not answer; else each replica counts for itself then. Not an option of Traefik.
    pub deny_on_error: bool,
}

/// Limits the requests that are served at once.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightReq {
    /// The most requests at once.
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// What a source of requests is; the request's host where absent.
    pub source_criterion: Option<SourceCriterion>,
}

/// Deprecated: use ipAllowList.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpWhiteList {
    /// Addresses and networks that may pass.
    pub source_range: Vec<String>,
    /// Which address is the client's.
    pub ip_strategy: Option<IpStrategy>,
}

/// Stops asking a backend that fails.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CircuitBreaker {
    /// When it trips.
    pub expression: String,
    /// How often that is asked.
    pub check_period: Option<GoDuration>,
    /// How long it stays tripped.
    pub fallback_duration: Option<GoDuration>,
    /// How long it recovers.
    pub recovery_duration: Option<GoDuration>,
    /// Status of the answers meanwhile.
    #[schemars(range(min = 100, max = 599))]
    pub response_code: Option<u16>,
}

/// Asks again when a request fails.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// How often.
    pub attempts: u32,
    /// The longest that all of it takes.
    pub timeout: Option<GoDuration>,
    /// The first pause.
    pub initial_interval: Option<GoDuration>,
    /// The longest request body that is kept for another attempt, in bytes; -1 is no limit.
    #[schemars(range(min = -1))]
    pub max_request_body_bytes: Option<i64>,
    /// Statuses that are failures too.
    pub status: Vec<String>,
    /// Errors of the network are no reason.
    pub disable_retry_on_network_error: bool,
    /// Also POST, LOCK and PATCH.
    pub retry_non_idempotent_method: bool,
}

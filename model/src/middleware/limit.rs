use super::ClientTls;
use crate::duration::GoDuration;
use crate::{is_default, is_none_or_default};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Limits the rate of requests by a token bucket for each source.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Requests a period; zero is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub average: i64,
    /// The period.
    pub period: GoDuration,
    /// Requests that may come at once.
    #[serde(skip_serializing_if = "is_default")]
    pub burst: i64,
    /// What a source is; `None` is the peer's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
    /// Where several replicas share the buckets; `None` is in the memory of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
}

/// The way to a Redis or Valkey server, or to several.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redis {
    /// `host:port` of each server; none is `127.0.0.1:6379`. Several are a cluster, or else the first that answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// Set if it is reached over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// The user; empty is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The password; never shown.
    #[serde(skip_serializing)]
    pub password: String,
    /// The number of the database.
    #[serde(skip_serializing_if = "is_default")]
    pub db: i64,
    /// The number of connections; zero is one.
    #[serde(skip_serializing_if = "is_default")]
    pub pool_size: i64,
    /// The fewest connections.
    #[serde(skip_serializing_if = "is_default")]
    pub min_idle_conns: i64,
    /// The most connections; zero is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_active_conns: i64,
    /// The longest wait for an answer; `None` or zero is three seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_timeout: Option<GoDuration>,
    /// The same for questions. A question and its answer have one limit here, that of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<GoDuration>,
    /// The longest wait for a connection; `None` or zero is five seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<GoDuration>,
    /// True if a request is refused where no server answers; else each replica counts for itself then. An option of
    /// ours.
    #[serde(skip_serializing_if = "is_default")]
    pub deny_on_error: bool,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { average: 0, period: GoDuration::from_secs(1), burst: 1, source_criterion: None, redis: None }
    }
}

/// Limits the requests that are served at once, for each source.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightReq {
    /// The most requests at once.
    #[serde(skip_serializing_if = "is_default")]
    pub amount: i64,
    /// The criterion of a source; `None` is the request's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
}

/// What a source of requests is: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SourceCriterion {
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
    /// A header's value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_header_name: String,
    /// The request's host.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub request_host: bool,
}

/// Which address is the client's.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct IpStrategy {
    /// The nth from the right of `X-Forwarded-For`; zero is the peer.
    #[serde(skip_serializing_if = "is_default")]
    pub depth: usize,
    /// The first from the right of `X-Forwarded-For` that is none of these.
    #[serde(rename = "excludedIPs", skip_serializing_if = "Vec::is_empty")]
    pub excluded_ips: Vec<String>,
    /// IPv6 addresses are taken by networks of this many bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_subnet: Option<u8>,
}

/// Lets only some clients pass.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct IpAllowList {
    /// Addresses and networks that may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_range: Vec<String>,
    /// Which address is the client's; `None` is the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
    /// Status for the others; zero is 403.
    #[serde(skip_serializing_if = "is_none_or_default")]
    pub reject_status_code: Option<u16>,
}

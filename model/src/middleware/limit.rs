use crate::duration::GoDuration;
use crate::{is_default, is_none_or_default};
use serde::{Deserialize, Serialize};

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
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { average: 0, period: GoDuration::from_secs(1), burst: 1, source_criterion: None }
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

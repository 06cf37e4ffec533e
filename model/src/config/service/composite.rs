//! Services of other services, beside the weighted ones.

use super::{ChildHealth, WeightedService};
use crate::is_default;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// One of several services, the same for each client.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HighestRandomWeight {
    /// The services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
    /// Set if services that are down are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ChildHealth>,
}

/// A service whose requests are also sent to others, which see them and have no say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirroring {
    /// The service that responds, as the provider refers to it.
    #[serde(skip_serializing_if = "is_default")]
    pub service: Name,
    /// True if mirrors get the body; `None` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_body: Option<bool>,
    /// The length in bytes of the longest body that is mirrored; `None` and -1 are no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_size: Option<i64>,
    /// The mirrors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<Mirror>,
    /// Set if it tells the service above that its main service is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ChildHealth>,
}

impl Default for Mirroring {
    /// Returns the defaults of Traefik's dynamic configuration.
    fn default() -> Self {
        Self {
            service: Name::default(),
            mirror_body: Some(true),
            max_body_size: Some(-1),
            mirrors: Vec::new(),
            health_check: None,
        }
    }
}

/// A mirror.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Mirror {
    /// Its service, as the provider refers to it.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Name,
    /// The share of requests that it gets, from 0 to 100.
    #[serde(skip_serializing_if = "is_default")]
    pub percent: i64,
}

/// A service, and another in its place while it fails.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failover {
    /// The service, as the provider refers to it.
    #[serde(skip_serializing_if = "is_default")]
    pub service: Name,
    /// The service in its place.
    #[serde(skip_serializing_if = "is_default")]
    pub fallback: Name,
    /// Set if it tells the service above that both are down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ChildHealth>,
    /// The responses that count as failures; `None` leaves it to the health of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<FailoverErrors>,
}

/// The responses of a service on which its fallback is asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailoverErrors {
    /// Statuses, and ranges such as `500-599`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// The length in bytes of the longest body that is kept for the fallback; `None` and -1 are no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_body_bytes: Option<i64>,
}

impl Default for FailoverErrors {
    fn default() -> Self {
        Self { status: Vec::new(), max_request_body_bytes: Some(-1) }
    }
}

//! Checks of servers, and services that see the state of those behind them.

use crate::duration::GoDuration;
use crate::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Requests to each server at intervals, whose answers tell if it is up.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// The scheme of the requests; empty is the server's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// The protocol; `None` is HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<HealthCheckMode>,
    /// The path and query; must begin with a slash unless it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The method; empty is GET.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The status of a server that is up; zero accepts 200 to 399.
    #[serde(skip_serializing_if = "is_default")]
    pub status: u16,
    /// The port; zero is the server's own.
    #[serde(skip_serializing_if = "is_default")]
    pub port: u16,
    /// The time between two checks of a server that is up; zero is 30 s.
    #[serde(skip_serializing_if = "is_default")]
    pub interval: GoDuration,
    /// The time between two checks of a server that is down; `None` is `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<GoDuration>,
    /// The time until which a server must have answered; zero is 5 s.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: GoDuration,
    /// The Host of the requests; empty is that of the server's URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// True if the target of a redirect is asked in its place; `None` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
    /// Headers of the requests.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Default for HealthCheck {
    /// Returns the defaults of Traefik's dynamic configuration.
    fn default() -> Self {
        Self {
            scheme: String::new(),
            mode: Some(HealthCheckMode::Http),
            path: String::new(),
            method: String::new(),
            status: 0,
            port: 0,
            interval: GoDuration::from_secs(30),
            unhealthy_interval: None,
            timeout: GoDuration::from_secs(5),
            hostname: String::new(),
            follow_redirects: Some(true),
            headers: BTreeMap::new(),
        }
    }
}

/// The protocol of a health check.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthCheckMode {
    /// A request, and its status.
    Http,
    /// gRPC's health service (`grpc.health.v1`).
    Grpc,
}

/// Failures of clients' requests, which tell that a server is down.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// The time within which failures count together, and for which the server is then down.
    #[serde(skip_serializing_if = "is_default")]
    pub failure_window: GoDuration,
    /// The number of failures that are too many.
    #[serde(skip_serializing_if = "is_default")]
    pub max_failed_attempts: i64,
}

impl Default for PassiveHealthCheck {
    fn default() -> Self {
        Self { failure_window: GoDuration::from_secs(10), max_failed_attempts: 1 }
    }
}

/// The switch that lets a service of other services leave out those that are down. It has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ChildHealth {}

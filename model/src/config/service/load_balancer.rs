//! Servers behind one name.

use super::{HealthCheck, PassiveHealthCheck, Sticky};
use crate::duration::GoDuration;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// Servers behind one name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// The servers; none means 503.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// The way in which a server is chosen.
    pub strategy: Strategy,
    /// Stickiness: clients stay with the server they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// Checks of the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Box<HealthCheck>>,
    /// Set if the failures of clients' requests tell that a server is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<Box<PassiveHealthCheck>>,
    /// True if the client's Host is sent on.
    pub pass_host_header: bool,
    /// The flush interval. Kept for Traefik's API: here every frame is sent on at once.
    pub response_forwarding: ResponseForwarding,
    /// The name of the transport, as the provider refers to it; empty is the default transport.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub servers_transport: Name,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            strategy: Strategy::Wrr,
            sticky: None,
            health_check: None,
            passive_health_check: None,
            pass_host_header: true,
            response_forwarding: ResponseForwarding::default(),
            servers_transport: Name::default(),
        }
    }
}

/// One server of a load balancer.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// `scheme://host:port`; schemes http, https, h2c.
    pub url: String,
    /// Its weight; `None` is 1, zero or less takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// True if the URL's path is put before the request's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_path: bool,
    /// True if it is going away: only clients that stick to it still get it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fenced: bool,
}

/// The way in which a server is chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Weighted round robin.
    #[default]
    #[serde(alias = "")]
    Wrr,
    /// The one with fewer requests in flight, of two chosen at random.
    P2c,
    /// The highest random weight: the same server for each client's address.
    Hrw,
    /// The server that has responded soonest and has the fewest requests in flight.
    LeastTime,
}

/// The flushing of what the server sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// The longest time that a byte waits.
    pub flush_interval: GoDuration,
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self { flush_interval: GoDuration::from_millis(100) }
    }
}

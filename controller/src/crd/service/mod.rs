//! The reference to a Service or a TraefikService, with the settings of the load balancer made of it: part of several
//! kinds.

mod health;
mod port;
mod sticky;

pub use health::{HealthCheck, PassiveHealthCheck};
pub use port::Port;
pub use sticky::{Cookie, Sticky};

use super::middleware::MiddlewareRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Service or a TraefikService.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerSpec {
    /// Its name; that of a TraefikService may be `name@provider`.
    pub name: Box<str>,
    /// Service, or TraefikService.
    #[serde(default)]
    pub kind: ServiceKind,
    /// Its namespace; the same where empty.
    #[serde(default)]
    pub namespace: Box<str>,
    /// Its port, by number or name.
    #[serde(default)]
    pub port: Option<Port>,
    /// http, https or h2c; by the port where empty.
    #[serde(default)]
    pub scheme: Box<str>,
    /// The way in which a server is chosen: wrr where absent; RoundRobin is the deprecated name of it.
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// Its share among several; 1 where absent.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub weight: Option<i32>,
    /// The client's Host is sent on; true where absent.
    #[serde(default)]
    pub pass_host_header: Option<bool>,
    /// The flushing of what the server sends.
    #[serde(default)]
    pub response_forwarding: Option<ResponseForwarding>,
    /// The ServersTransport, by name in the Service's namespace, or `name@provider`.
    #[serde(default)]
    pub servers_transport: Box<str>,
    /// Clients stay with the server they got.
    #[serde(default)]
    pub sticky: Option<Box<Sticky>>,
    /// The Service's own address is used instead of its endpoints'.
    #[serde(default, rename = "nativeLB")]
    pub native_lb: Option<bool>,
    /// The addresses of the nodes are used, for a Service of the type NodePort.
    #[serde(default, rename = "nodePortLB")]
    pub node_port_lb: bool,
    /// Requests that tell whether a server is well, for a Service of the type ExternalName.
    #[serde(default)]
    pub health_check: Option<Box<HealthCheck>>,
    /// The failures after which a server gets no requests for a while.
    #[serde(default)]
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Middlewares before it.
    #[serde(default)]
    pub middlewares: Vec<MiddlewareRef>,
}

/// The kind of object that is referred to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ServiceKind {
    /// A Service.
    #[default]
    Service,
    /// A TraefikService.
    TraefikService,
}

/// The way in which a server is chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Round robin by weight.
    Wrr,
    /// The less busy one of two taken at random.
    P2c,
    /// The one that the client's address hashes to.
    Hrw,
    /// The one with the shortest time of response.
    LeastTime,
    /// Deprecated: wrr.
    #[serde(rename = "RoundRobin")]
    RoundRobin,
}

/// The flushing of what the server sends.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// The longest time that a byte waits.
    pub flush_interval: Box<str>,
}

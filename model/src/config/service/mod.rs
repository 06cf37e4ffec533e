//! Services: the destinations of requests.

mod load_balancer;
mod sticky;
mod weighted;

pub use load_balancer::{LoadBalancer, ResponseForwarding, Server, Strategy};
pub use sticky::{Cookie, Sticky};
pub use weighted::{Weighted, WeightedService};

use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A service: the destination of requests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its kind.
    #[serde(flatten)]
    pub kind: ServiceKind,
    /// Middlewares between the router's own and the balancer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Name>,
}

/// The kinds of services.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceKind {
    /// Servers.
    LoadBalancer(LoadBalancer),
    /// Other services by weight.
    Weighted(Weighted),
}

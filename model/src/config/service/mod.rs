//! Services: the destinations of requests.

mod composite;
mod health_check;
mod load_balancer;
mod read;
mod sticky;
mod weighted;

pub use composite::{Failover, FailoverErrors, HighestRandomWeight, Mirror, Mirroring};
pub use health_check::{ChildHealth, HealthCheck, HealthCheckMode, PassiveHealthCheck};
pub use load_balancer::{LoadBalancer, ResponseForwarding, Server, Strategy};
pub use sticky::{Cookie, Sticky};
pub use weighted::{Weighted, WeightedService};

use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A service: the destination of requests. Exactly one kind can be read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", try_from = "read::Service")]
pub struct Service {
    /// Its kind.
    #[serde(flatten)]
    pub kind: ServiceKind,
    /// Middlewares between the router's own and the balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Name>,
}

/// The kinds of services.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceKind {
    /// Servers.
    LoadBalancer(LoadBalancer),
    /// Other services by weight.
    Weighted(Weighted),
    /// Other services by the client's address.
    HighestRandomWeight(HighestRandomWeight),
    /// A service, and others that see its requests.
    Mirroring(Mirroring),
    /// A service, and another in its place while it fails.
    Failover(Failover),
}

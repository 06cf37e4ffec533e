//! Compiled services: they choose the server of a request and the cookies for the client.

mod balancer;
mod buffered;
mod child;
mod error;
mod failover;
mod health;
mod highest_random_weight;
mod ineffective;
mod mirroring;
mod nested;
mod pipeline;
mod record;
mod rendezvous;
mod resolve;
mod round_robin;
mod routers;
mod send;
mod sticky;
#[cfg(test)]
pub(crate) mod test_kit;
mod tracked;
mod weighted;

pub use child::Child;
pub use error::ServiceError;
pub use health::{Check, InvalidCheck, Probe};
pub(crate) use health::{HealthTable, Probes};
pub use pipeline::{End, InnerRouters, Internal, Pipeline};
pub use record::{InnerRouter, UpstreamRecord};
pub use resolve::Resolve;
pub(crate) use routers::{Below, InnerTarget};

use crate::forward::Endpoint;
use balancer::Balancer;
use failover::Failover;
use flow_model::config::{Service as Config, ServiceKind};
use flow_model::name::Name;
use highest_random_weight::HighestRandomWeight;
use mirroring::Mirroring;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tracked::Tracked;
use weighted::Weighted;

/// A compiled service.
#[derive(Debug)]
pub struct Service {
    name: Name,
    config: Arc<Config>,
    kind: Kind,
    /// The load balancers one of which must be up for this service to be up, each once, whatever is between; `None` if
    /// nothing tells that it is down, and for load balancers.
    leaves: Option<Box<[Arc<Self>]>>,
    /// The number of services on the longest way down, itself among them.
    depth: usize,
}

#[derive(Debug)]
enum Kind {
    LoadBalancer(Balancer),
    Tracked(Box<Tracked>),
    Weighted(Weighted),
    WeightedByHealth(Box<Weighted>),
    HighestRandomWeight(Box<HighestRandomWeight>),
    Mirroring(Box<Mirroring>),
    Failover(Box<Failover>),
}

impl Kind {
    /// The servers of a load balancer; `None` for any other kind.
    fn balancer(&self) -> Option<&Balancer> {
        match self {
            Self::LoadBalancer(balancer) => Some(balancer),
            Self::Tracked(tracked) => Some(tracked.balancer()),
            _ => None,
        }
    }

    /// The services that it refers to.
    fn children(&self) -> Box<dyn Iterator<Item = &Arc<Child>> + '_> {
        match self {
            Self::LoadBalancer(_) | Self::Tracked(_) => Box::new(std::iter::empty()),
            Self::Weighted(weighted) => Box::new(weighted.children()),
            Self::WeightedByHealth(weighted) => Box::new(weighted.children()),
            Self::HighestRandomWeight(service) => Box::new(service.children()),
            Self::Mirroring(mirroring) => Box::new(mirroring.children()),
            Self::Failover(failover) => Box::new(failover.children()),
        }
    }
}

impl Service {
    /// Compiles `config` under its qualified `name`. Endpoints, their connections and the position in the rotation are
    /// taken over from `previous`; `previous` itself is returned if nothing has changed.
    ///
    /// # Errors
    /// [`ServiceError`] if a reference or a server's URL is invalid.
    pub fn compile(
        name: &Name,
        config: &Arc<Config>,
        resolve: &mut dyn Resolve,
        previous: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, ServiceError> {
        let unchanged = previous.filter(|previous| previous.config == *config && previous.name == *name);
        let kind = match &config.kind {
            ServiceKind::LoadBalancer(balancer) => {
                let transport = resolve
                    .transport(&balancer.servers_transport)
                    .ok_or_else(|| ServiceError::UnknownTransport(Name::clone(&balancer.servers_transport)))?;
                if let Some(unchanged) = unchanged
                    && let Some(same) = unchanged.kind.balancer()
                    && Arc::ptr_eq(same.transport(), &transport)
                {
                    return Ok(Arc::clone(unchanged));
                }
                let last = previous.and_then(|previous| previous.kind.balancer());
                if Tracked::is_needed(balancer) {
                    let before = match previous.map(|p| &p.kind) {
                        Some(Kind::Tracked(before)) => Some(&**before),
                        _ => None,
                    };
                    Kind::Tracked(Box::new(Tracked::compile(name, balancer, &transport, resolve, last, before)?))
                } else {
                    Kind::LoadBalancer(Balancer::compile(name, balancer, &transport, last)?)
                }
            }
            ServiceKind::Weighted(weighted) => {
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::Weighted(previous)) => Some(previous),
                    Some(Kind::WeightedByHealth(previous)) => Some(&**previous),
                    _ => None,
                };
                let compiled = Weighted::compile(name, weighted, resolve, previous)?;
                match weighted.health_check {
                    None => Kind::Weighted(compiled),
                    Some(_) => Kind::WeightedByHealth(Box::new(compiled)),
                }
            }
            ServiceKind::HighestRandomWeight(service) => {
                Kind::HighestRandomWeight(Box::new(HighestRandomWeight::compile(service, resolve)?))
            }
            ServiceKind::Mirroring(mirroring) => {
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::Mirroring(previous)) => Some(&**previous),
                    _ => None,
                };
                Kind::Mirroring(Box::new(Mirroring::compile(mirroring, resolve, previous)?))
            }
            ServiceKind::Failover(failover) => Kind::Failover(Box::new(Failover::compile(failover, resolve)?)),
        };
        let is_same = |same: &&Arc<Self>| {
            kind.balancer().is_none() && same.kind.children().map(Arc::as_ptr).eq(kind.children().map(Arc::as_ptr))
        };
        if let Some(same) = unchanged.filter(is_same) {
            return Ok(Arc::clone(same));
        }
        let leaves = leaves(&kind);
        let depth = 1 + kind.children().map(|child| child.service().depth).max().unwrap_or_default();
        Ok(Arc::new(Self { name: Name::clone(name), config: Arc::clone(config), kind, leaves, depth }))
    }

    /// The qualified name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The number of services on the longest way down, itself among them.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The configuration it was compiled from.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// True if it is known if it is up or down.
    fn tells_health(&self) -> bool {
        match &self.kind {
            Kind::LoadBalancer(_) | Kind::Weighted(_) => false,
            Kind::Tracked(tracked) => tracked.has_probes(),
            Kind::WeightedByHealth(_) => true,
            Kind::HighestRandomWeight(service) => service.sees_health(),
            Kind::Mirroring(mirroring) => mirroring.tells_health(),
            Kind::Failover(failover) => failover.tells_health(),
        }
    }

    /// True if it is up at `now`, or nothing would tell that it is down.
    pub(crate) fn is_up(&self, now: Instant) -> bool {
        match &self.kind {
            Kind::Tracked(tracked) => tracked.is_up(now),
            _ => self.leaves.as_ref().is_none_or(|leaves| leaves.iter().any(|leaf| leaf.is_up(now))),
        }
    }

    /// True if the states of its servers are known.
    pub(crate) fn is_checked(&self) -> bool {
        !self.servers(Instant::now()).is_empty()
    }

    /// The servers of a load balancer whose states are known: URL, and true if it is up.
    pub(crate) fn servers(&self, now: Instant) -> Vec<(String, bool)> {
        match &self.kind {
            Kind::Tracked(tracked) => tracked.states(now),
            _ => Vec::new(),
        }
    }

    /// The servers of a load balancer; empty for any other kind.
    #[must_use]
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        self.kind.balancer().map_or(&[], Balancer::endpoints)
    }
}

/// The load balancers behind a service of other services one of which must be up for it to be up.
fn leaves(kind: &Kind) -> Option<Box<[Arc<Service>]>> {
    let parts: Vec<&Arc<Child>> = match kind {
        Kind::LoadBalancer(_) | Kind::Tracked(_) | Kind::Weighted(_) => return None,
        Kind::WeightedByHealth(weighted) => weighted.children().collect(),
        Kind::HighestRandomWeight(service) if service.sees_health() => service.children().collect(),
        Kind::HighestRandomWeight(_) => return None,
        Kind::Mirroring(mirroring) => vec![mirroring.main()],
        Kind::Failover(failover) => failover.children().collect(),
    };
    let (mut leaves, mut seen) = (Vec::new(), HashSet::new());
    for part in parts.into_iter().map(|part| part.service()) {
        let behind = match &part.kind {
            Kind::Tracked(_) => std::slice::from_ref(part),
            _ => part.leaves.as_deref()?,
        };
        leaves.extend(behind.iter().filter(|leaf| seen.insert(Arc::as_ptr(leaf))).cloned());
    }
    Some(leaves.into())
}

#[cfg(test)]
mod tests;

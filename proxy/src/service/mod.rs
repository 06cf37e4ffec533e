//! Compiled services: they choose the server of a request and the cookies for the client.

mod balancer;
mod buffered;
mod child;
mod error;
mod failover;
mod highest_random_weight;
mod mirroring;
mod nested;
mod pipeline;
mod record;
mod rendezvous;
mod round_robin;
mod send;
mod sticky;
#[cfg(test)]
pub(crate) mod test_kit;
mod tracked;
mod weighted;

pub use child::Child;
pub use error::ServiceError;
pub use pipeline::{End, Internal, Pipeline};
pub use record::UpstreamRecord;

use crate::forward::{Endpoint, Transport};
use balancer::Balancer;
use failover::Failover;
use flow_middleware::Connection;
use flow_model::config::{LoadBalancer, Service as Config, ServiceKind};
use flow_model::name::Name;
use highest_random_weight::HighestRandomWeight;
use mirroring::Mirroring;
use std::sync::Arc;
use tracked::Tracked;
use weighted::Weighted;

/// Finds the objects that a service refers to, if they are valid. The caller knows the referring provider.
pub trait Resolve {
    /// The service of that name, with its middlewares; the same one as before if nothing of it has changed.
    fn service(&mut self, name: &str) -> Option<Arc<Child>>;

    /// The servers transport of that name; empty asks for the default one.
    fn transport(&mut self, name: &str) -> Option<Arc<Transport>>;

    /// [`Resolve::service`], as a part of another service.
    ///
    /// # Errors
    /// `UnknownService` if there is none.
    fn child(&mut self, name: &Name) -> Result<Arc<Child>, ServiceError> {
        self.service(name).ok_or_else(|| ServiceError::UnknownService(Name::clone(name)))
    }
}

/// A compiled service.
#[derive(Debug)]
pub struct Service {
    name: Name,
    config: Arc<Config>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    LoadBalancer(Balancer),
    Tracked(Box<Tracked>),
    Weighted(Weighted),
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
                if let Some(option) = not_served(balancer) {
                    return Err(ServiceError::NotServed(option));
                }
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
                    Kind::Tracked(Box::new(Tracked::compile(name, balancer, &transport, last, before)?))
                } else {
                    Kind::LoadBalancer(Balancer::compile(name, balancer, &transport, last)?)
                }
            }
            ServiceKind::Weighted(weighted) => {
                if weighted.health_check.is_some() {
                    return Err(ServiceError::NotServed("weighted.healthCheck"));
                }
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::Weighted(previous)) => Some(previous),
                    _ => None,
                };
                Kind::Weighted(Weighted::compile(name, weighted, resolve, previous)?)
            }
            ServiceKind::HighestRandomWeight(service) => {
                if service.health_check.is_some() {
                    return Err(ServiceError::NotServed("highestRandomWeight.healthCheck"));
                }
                Kind::HighestRandomWeight(Box::new(HighestRandomWeight::compile(service, resolve)?))
            }
            ServiceKind::Mirroring(mirroring) => {
                if mirroring.health_check.is_some() {
                    return Err(ServiceError::NotServed("mirroring.healthCheck"));
                }
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::Mirroring(previous)) => Some(&**previous),
                    _ => None,
                };
                Kind::Mirroring(Box::new(Mirroring::compile(mirroring, resolve, previous)?))
            }
            ServiceKind::Failover(failover) => {
                if failover.health_check.is_some() {
                    return Err(ServiceError::NotServed("failover.healthCheck"));
                }
                Kind::Failover(Box::new(Failover::compile(failover, resolve)?))
            }
        };
        let is_same = |same: &&Arc<Self>| {
            kind.balancer().is_none() && same.kind.children().map(Arc::as_ptr).eq(kind.children().map(Arc::as_ptr))
        };
        if let Some(same) = unchanged.filter(is_same) {
            return Ok(Arc::clone(same));
        }
        Ok(Arc::new(Self { name: Name::clone(name), config: Arc::clone(config), kind }))
    }

    /// The qualified name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The configuration it was compiled from.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The servers of a load balancer; empty for any other kind.
    #[must_use]
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        self.kind.balancer().map_or(&[], Balancer::endpoints)
    }
}

/// The same connection, to which no interim responses are sent.
fn silent(connection: &Arc<Connection>) -> Arc<Connection> {
    match &connection.interim {
        None => Arc::clone(connection),
        Some(_) => Arc::new(Connection { interim: None, ..Connection::clone(connection) }),
    }
}

/// The first option of a load balancer that is not served yet.
fn not_served(config: &LoadBalancer) -> Option<&'static str> {
    match (&config.health_check, &config.passive_health_check) {
        (Some(_), _) => Some("healthCheck"),
        (None, Some(_)) => Some("passiveHealthCheck"),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;

//! Compiled services: they choose the server of a request and the cookies for the client.

mod balancer;
mod child;
mod error;
mod pipeline;
mod record;
mod round_robin;
mod send;
mod sticky;
#[cfg(test)]
pub(crate) mod test_kit;
mod weighted;

pub use child::Child;
pub use error::ServiceError;
pub use pipeline::{End, Internal, Pipeline};
pub use record::UpstreamRecord;

use crate::forward::{Endpoint, Transport};
use balancer::Balancer;
use flow_model::config::{LoadBalancer, Service as Config, ServiceKind, Strategy};
use flow_model::name::Name;
use std::sync::Arc;
use weighted::Weighted;

/// Finds the objects that a service refers to, if they are valid. The caller knows the referring provider.
pub trait Resolve {
    /// The service of that name, with its middlewares; the same one as before if nothing of it has changed.
    fn service(&mut self, name: &str) -> Option<Arc<Child>>;

    /// The servers transport of that name; empty asks for the default one.
    fn transport(&mut self, name: &str) -> Option<Arc<Transport>>;
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
    Weighted(Weighted),
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
                if let Some(Kind::LoadBalancer(same)) = unchanged.map(|u| &u.kind)
                    && Arc::ptr_eq(same.transport(), &transport)
                    && let Some(unchanged) = unchanged
                {
                    return Ok(Arc::clone(unchanged));
                }
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::LoadBalancer(previous)) => Some(previous),
                    _ => None,
                };
                Kind::LoadBalancer(Balancer::compile(name, balancer, &transport, previous)?)
            }
            ServiceKind::Weighted(weighted) => {
                if weighted.health_check.is_some() {
                    return Err(ServiceError::NotServed("weighted.healthCheck"));
                }
                let previous = match previous.map(|p| &p.kind) {
                    Some(Kind::Weighted(previous)) => Some(previous),
                    _ => None,
                };
                let compiled = Weighted::compile(name, weighted, resolve, previous)?;
                if let Some(Kind::Weighted(same)) = unchanged.map(|u| &u.kind)
                    && same.has_children_of(&compiled)
                    && let Some(unchanged) = unchanged
                {
                    return Ok(Arc::clone(unchanged));
                }
                Kind::Weighted(compiled)
            }
            ServiceKind::HighestRandomWeight(_) => return Err(ServiceError::NotServed("highestRandomWeight")),
            ServiceKind::Mirroring(_) => return Err(ServiceError::NotServed("mirroring")),
            ServiceKind::Failover(_) => return Err(ServiceError::NotServed("failover")),
        };
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
        match &self.kind {
            Kind::LoadBalancer(balancer) => balancer.endpoints(),
            Kind::Weighted(_) => &[],
        }
    }
}

/// The first option of a load balancer that is not served yet.
fn not_served(config: &LoadBalancer) -> Option<&'static str> {
    match config.strategy {
        Strategy::Wrr => {}
        Strategy::P2c => return Some("strategy p2c"),
        Strategy::Hrw => return Some("strategy hrw"),
        Strategy::LeastTime => return Some("strategy leasttime"),
    }
    match (&config.health_check, &config.passive_health_check) {
        (Some(_), _) => Some("healthCheck"),
        (None, Some(_)) => Some("passiveHealthCheck"),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;

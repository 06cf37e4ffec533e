//! Services by the client's address.

use super::{Child, Resolve, ServiceError, rendezvous};
use flow_model::config::HighestRandomWeight as Config;
use flow_model::name::Name;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Instant;

/// A compiled service whose clients keep the service that they got, by their address alone.
#[derive(Debug)]
pub(super) struct HighestRandomWeight {
    members: Box<[Member]>,
    /// True if members that are down are left out.
    sees_health: bool,
}

#[derive(Debug)]
struct Member {
    child: Arc<Child>,
    /// The name as the configuration has it.
    name: Name,
    weight: f64,
}

impl HighestRandomWeight {
    pub(super) fn compile(config: &Config, resolve: &mut dyn Resolve) -> Result<Self, ServiceError> {
        let sees_health = config.health_check.is_some();
        let mut members = Vec::with_capacity(config.services.len());
        for service in &config.services {
            let weight = service.weight.unwrap_or(1);
            if weight > 0 {
                let name = Name::clone(&service.name);
                members.push(Member { child: resolve.part(&name, sees_health)?, name, weight: f64::from(weight) });
            }
        }
        Ok(Self { members: members.into(), sees_health })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        self.members.iter().map(|member| &member.child)
    }

    /// True if it tells others of its state.
    pub(super) fn sees_health(&self) -> bool {
        self.sees_health
    }

    fn may(&self, member: &Member, now: Instant) -> bool {
        !self.sees_health || member.child.service().is_up(now)
    }

    /// The service for a client, by its address as text.
    pub(super) fn choose(&self, client: &HeaderValue, now: Instant) -> Option<&Child> {
        let members = self.members.iter().enumerate().filter(|(_, member)| self.may(member, now));
        let targets = members.map(|(index, member)| (index, &*member.name, member.weight));
        let index = rendezvous::highest(client.as_bytes(), targets)?;
        self.members.get(index).map(|member| &*member.child)
    }
}

//! Services by the client's address.

use super::{Child, Resolve, ServiceError, rendezvous};
use flow_model::config::HighestRandomWeight as Config;
use flow_model::name::Name;
use http::HeaderValue;
use std::sync::Arc;

/// A compiled service whose clients keep the service that they got, by their address alone.
#[derive(Debug)]
pub(super) struct HighestRandomWeight {
    members: Box<[Member]>,
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
        let mut members = Vec::with_capacity(config.services.len());
        for service in &config.services {
            let weight = service.weight.unwrap_or(1);
            if weight > 0 {
                let name = Name::clone(&service.name);
                members.push(Member { child: resolve.child(&name)?, name, weight: f64::from(weight) });
            }
        }
        Ok(Self { members: members.into() })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        self.members.iter().map(|member| &member.child)
    }

    /// The service for a client, by its address as text.
    pub(super) fn choose(&self, client: &HeaderValue) -> Option<&Child> {
        let targets = self.members.iter().enumerate().map(|(index, member)| (index, &*member.name, member.weight));
        let index = rendezvous::highest(client.as_bytes(), targets)?;
        self.members.get(index).map(|member| &*member.child)
    }
}

//! Services by weight.

use super::round_robin::WeightedRoundRobin;
use super::sticky::Sticky;
use super::{Child, Resolve, ServiceError};
use flow_model::config::Weighted as Config;
use flow_model::name::Name;
use http::header::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// A compiled weighted service.
#[derive(Debug)]
pub(super) struct Weighted {
    children: Box<[Arc<Child>]>,
    round_robin: WeightedRoundRobin,
    sticky: Option<Box<Sticky>>,
}

impl Weighted {
    pub(super) fn compile(
        name: &str,
        config: &Config,
        resolve: &mut dyn Resolve,
        previous: Option<&Self>,
    ) -> Result<Self, ServiceError> {
        let mut children = Vec::with_capacity(config.services.len());
        let mut weights = Vec::with_capacity(config.services.len());
        for service in &config.services {
            let weight = i64::from(service.weight.unwrap_or(1));
            if weight > 0 {
                let unknown = || ServiceError::UnknownService(Name::clone(&service.name));
                children.push(resolve.service(&service.name).ok_or_else(unknown)?);
                weights.push(weight);
            }
        }
        let start = previous.map_or_else(|| fastrand::usize(..) >> 1, |previous| previous.round_robin.position());
        let cookie = config.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref());
        Ok(Self {
            round_robin: WeightedRoundRobin::new(&weights, start),
            sticky: cookie.map(|cookie| {
                Box::new(Sticky::compile(cookie, name, children.iter().map(|child| &**child.service().name())))
            }),
            children: children.into_boxed_slice(),
        })
    }

    /// True if both lead to the very same services.
    pub(super) fn has_children_of(&self, other: &Self) -> bool {
        self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// The service for a request, and the sticky cookie to set if the client has none yet.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Option<(&Child, Option<HeaderValue>)> {
        let (index, cookie) = match self.sticky.as_ref().map(|sticky| (sticky, sticky.find(headers))) {
            None => (self.round_robin.next()?, None),
            Some((_, Some(known))) if !known.outdated => (known.index, None),
            Some((sticky, Some(known))) => (known.index, sticky.header(known.index)),
            Some((sticky, None)) => {
                let index = self.round_robin.next()?;
                (index, sticky.header(index))
            }
        };
        Some((self.children.get(index)?, cookie))
    }
}

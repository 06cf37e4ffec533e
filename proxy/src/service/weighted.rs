//! Services by weight.

use super::round_robin::WeightedRoundRobin;
use super::sticky::Sticky;
use super::{Child, Resolve, ServiceError};
use flow_model::config::Weighted as Config;
use http::header::{HeaderMap, HeaderValue};
use std::sync::Arc;
use std::time::Instant;

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
        // As the configuration has them: the values of cookies are made from these.
        let mut names = Vec::with_capacity(config.services.len());
        let mut weights = Vec::with_capacity(config.services.len());
        for service in &config.services {
            let weight = i64::from(service.weight.unwrap_or(1));
            if weight > 0 {
                children.push(resolve.part(&service.name, config.health_check.is_some())?);
                names.push(&*service.name);
                weights.push(weight);
            }
        }
        let start = previous.map_or_else(|| fastrand::usize(..) >> 1, |previous| previous.round_robin.position());
        let cookie = config.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref());
        Ok(Self {
            round_robin: WeightedRoundRobin::new(&weights, start),
            sticky: cookie.map(|cookie| Box::new(Sticky::compile(cookie, name, names.into_iter()))),
            children: children.into_boxed_slice(),
        })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        self.children.iter()
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

    /// The same among the services that are up.
    pub(super) fn choose_up(&self, headers: &HeaderMap, now: Instant) -> Option<(&Child, Option<HeaderValue>)> {
        let is_up = |index: usize| self.children.get(index).is_some_and(|child| child.service().is_up(now));
        let known = self.sticky.as_ref().and_then(|sticky| sticky.find(headers));
        let (index, is_new) = match known.filter(|known| is_up(known.index)) {
            Some(known) => (known.index, known.outdated),
            None => (self.round_robin.next_of(is_up)?, true),
        };
        let cookie = self.sticky.as_ref().filter(|_| is_new).and_then(|sticky| sticky.header(index));
        Some((self.children.get(index)?, cookie))
    }
}

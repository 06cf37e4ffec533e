//! Builds the routers below another one.

use super::build::{Build, Way, is_too_high};
use crate::metrics::{Counted, RouteSeries};
use crate::router::{Route, RouteTable};
use crate::service::{Below, End, InnerRouter, InnerTarget};
use flow_model::name::{Name, provider};
use std::sync::Arc;

/// A router below another one, built.
pub(super) type InnerRoute = Route<InnerTarget>;

impl Build<'_, '_> {
    /// The end of a router with others below it. Those that cannot be built are left out: their own instances tell why.
    pub(super) fn routers_below(&mut self, names: &[Name]) -> End {
        let routes: Vec<_> = names.iter().filter_map(|name| self.inner(name)).collect();
        End::Routers(Arc::new(Below(RouteTable::default().with(&[], &routes))))
    }

    fn inner(&mut self, name: &Name) -> Option<Arc<InnerRoute>> {
        if let Some(built) = self.inner.get(name) {
            return built.clone();
        }
        let source = self.place.inner(name)?;
        let (errors, broken) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.broken));
        let places = self.with.places;
        let below = places.get(name).map_or(&[][..], |place| &place.below);
        let (router, of) = (&source.router, provider(name));
        let rule = source.rule.condition.as_ref().ok().filter(|_| !is_too_high(router, of));
        let built = rule.zip(self.way(router, of, below));
        let built = built.map(|(rule, way)| self.route(name, router, rule, self.inner_target(name, way)));
        (self.errors, self.broken) = (errors, broken);
        self.inner.insert(Name::clone(name), built.clone());
        built
    }

    fn inner_target(&self, name: &Name, Way { service, pipeline, internal }: Way) -> InnerTarget {
        let metrics = self.with.metrics.filter(|_| !internal || self.with.record_internals.metrics);
        let series =
            metrics.map(|metrics| RouteSeries::new(metrics, Counted { router: name, service: &service, internal }));
        InnerTarget { labels: Arc::new(InnerRouter { name: Name::clone(name), service, internal, series }), pipeline }
    }
}

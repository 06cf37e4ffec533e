//! One instance of a router, built: the route that is served, and what is wrong with it.

use super::context::BuildContext;
use super::inner::InnerRoute;
use super::objects::HttpDependency;
use super::placement::PlacedRouter;
use super::router_tree::Place;
use super::rule::HttpRule;
use super::steps::{NamedStep, StepBuilder};
use super::{Decision, Http};
use crate::compile::lookup::ObjectRef;
use crate::compile::names::ByName;
use crate::compile::protocol::{Builder, Built, Instance};
use crate::metrics::{Counted, RouteSeries};
use crate::router::{CompiledRule, Route};
use crate::service::{End, Pipeline};
use crate::snapshot::RouteTarget;
use flow_middleware::{Chain, Middleware};
use flow_model::config::{IngressMetadata, Router, RouterObservability};
use flow_model::diagnostic::causes;
use flow_model::name::{INTERNAL, Name, provider, qualify};
use flow_model::runtime::{RouterInfo, Status};
use std::sync::Arc;

/// The highest priority that a user may set: those above are for the proxy's own routers, as in Traefik.
const HIGHEST: i64 = i64::MAX - 1000;

/// True if a router of this provider sets a higher priority than it may.
pub(super) fn is_too_high(router: &Router, provider: &str) -> bool {
    router.priority > HIGHEST && provider != INTERNAL
}

impl Builder<Http> for BuildContext<'_> {
    fn decision(&self, router: &Name) -> Option<Decision> {
        let (conflicts, place) = (self.choice.conflicts.get(router).cloned(), self.places.get(router).cloned());
        let is_any = conflicts.is_some() || place.is_some();
        is_any.then(|| Decision { conflicts: conflicts.unwrap_or_default(), place })
    }

    /// Counters of middlewares live on where their specification is the same.
    fn build(
        &mut self,
        name: &Name,
        router: &Arc<Router>,
        rule: &HttpRule,
        decision: Option<&Decision>,
        old: &[Instance<Http>],
    ) -> Built<Http> {
        let placed = self.models.place(name, router, decision.map_or(&[], |decision| &decision.conflicts));
        let mut dependencies = Vec::new();
        let nowhere = Place::default();
        let place = decision.and_then(|decision| decision.place.as_deref()).unwrap_or(&nowhere);
        let instances = placed.into_iter().map(|placed| {
            let old_steps = old.iter().find(|old| old.name == placed.name).map_or(&[][..], |old| &old.kept);
            let build = Build::new(name, router, (placed, place), old_steps, &mut dependencies, self);
            build.finish(rule)
        });
        Built { instances: instances.collect(), dependencies }
    }
}

/// What is behind a router.
pub(super) struct Way {
    /// The service's qualified name; empty if there are routers below.
    pub(super) service: Name,
    pub(super) pipeline: Pipeline,
    /// True if the proxy itself responds.
    pub(super) internal: bool,
}

/// An instance that is being built.
pub(super) struct Build<'a, 'b> {
    pub(super) provider: &'a str,
    pub(super) source: &'a Arc<Router>,
    pub(super) placed: PlacedRouter,
    pub(super) place: &'a Place,
    /// The steps of the instance that this one replaces.
    pub(super) old_steps: &'a [NamedStep],
    pub(super) dependencies: &'a mut Vec<HttpDependency>,
    pub(super) with: &'a mut BuildContext<'b>,
    pub(super) steps: Vec<NamedStep>,
    pub(super) errors: Vec<String>,
    /// The objects that could not be built, and why.
    pub(super) broken: Vec<(ObjectRef, String)>,
    /// The routers below it that were built, or could not be.
    pub(super) inner: ByName<Option<Arc<InnerRoute>>>,
}

impl<'a, 'b> Build<'a, 'b> {
    pub(super) fn new(
        name: &'a Name,
        source: &'a Arc<Router>,
        (placed, place): (PlacedRouter, &'a Place),
        old_steps: &'a [NamedStep],
        dependencies: &'a mut Vec<HttpDependency>,
        with: &'a mut BuildContext<'b>,
    ) -> Self {
        let errors = [&placed.placement.errors[..], &place.errors].concat();
        let (provider, steps, broken) = (provider(name), Vec::new(), Vec::new());
        Self {
            provider,
            source,
            placed,
            place,
            old_steps,
            dependencies,
            with,
            steps,
            errors,
            broken,
            inner: ByName::default(),
        }
    }

    pub(super) fn finish(mut self, rule: &HttpRule) -> Instance<Http> {
        let mut route = None;
        let router = self.placed.placement.inherited.apply(self.source);
        // As in Traefik, what stands behind a router is looked at only once an entry point takes it.
        let is_too_high = is_too_high(self.source, self.provider);
        if is_too_high {
            let priority = self.source.priority;
            self.errors.push(format!("the router priority {priority} exceeds the max user-defined priority {HIGHEST}"));
        }
        let mut looked_up = false;
        let is_reached = self.place.is_reached || !self.placed.placement.indexes.is_empty();
        if is_reached && !is_too_high {
            if let Err(error) = &rule.condition {
                self.errors.push(error.clone());
            }
            let tls_options = self.tls_options(&router);
            looked_up = tls_options.is_some();
            let target = tls_options.and_then(|options| self.target(&router, options));
            let route_to = |(target, rule)| self.route(&self.placed.name, self.source, rule, target);
            route = target.zip(rule.condition.as_ref().ok()).map(route_to);
        }
        let status = match (&route, self.errors.is_empty()) {
            (None, _) => Status::Disabled,
            (Some(_), false) => Status::Warning,
            (Some(_), true) => Status::Enabled,
        };
        let inherited = Arc::clone(&self.placed.placement.inherited);
        Instance {
            info: Arc::new(RouterInfo {
                router: Arc::clone(self.source),
                inherited,
                status,
                errors: self.errors,
                looked_up,
            }),
            route,
            tls: router.tls.is_some(),
            name: self.placed.name,
            entry_points: Arc::clone(&self.placed.placement.indexes),
            kept: self.steps.into(),
            broken: self.broken.into(),
        }
    }

    /// The route of a router: its place in the order, and what it leads to.
    pub(super) fn route<T>(&self, name: &Name, router: &Router, rule: &Arc<CompiledRule>, target: T) -> Arc<Route<T>> {
        let discount = if router.priority == 0 { router.path.discount } else { 0 };
        Arc::new(Route {
            rule: Arc::clone(rule),
            priority: router.effective_priority() - i64::from(discount),
            path: router.path,
            created: router.created,
            precedence: self.with.lookup.precedence(provider(name)),
            name: Name::clone(name),
            target,
        })
    }

    fn target(&mut self, router: &Router, tls_options: Name) -> Option<RouteTarget> {
        let Way { service, pipeline, internal } = self.way(router, self.provider, &self.place.below)?;
        let observability = router.observability.clone().unwrap_or_default();
        let metrics = self
            .with
            .metrics
            .filter(|_| observability.metrics.unwrap_or(true) && (!internal || self.with.record_internals.metrics));
        Some(RouteTarget {
            log: observability.access_logs.unwrap_or(true) && (!internal || self.with.record_internals.access_log),
            series: metrics.map(|metrics| {
                RouteSeries::new(metrics, Counted { router: &self.placed.name, service: &service, internal })
            }),
            ingress: ingress(observability),
            service,
            pipeline,
            tls_options,
        })
    }

    /// The middlewares of a router, and its service or the routers below it.
    pub(super) fn way(&mut self, router: &Router, of: &str, below: &[Name]) -> Option<Way> {
        let service = if router.service.is_empty() { Name::default() } else { qualify(&router.service, of) };
        let end = match (service.is_empty(), below.is_empty()) {
            (false, true) => self.end(&service),
            (true, false) => Some(self.routers_below(below)),
            (true, true) => {
                self.errors.push("the router has neither a service nor routers below it".to_owned());
                None
            }
            (false, false) => {
                // Its middlewares are looked at below.
                let config = self.with.lookup.service(&service).cloned();
                self.dependencies.push(HttpDependency::Service(Arc::clone(&service), config));
                self.errors.push("a router has either a service or routers below it, not both".to_owned());
                None
            }
        };
        let service = self.with.services.shared(service);
        let members = router.middlewares.iter().map(|m| qualify(m, of));
        let mut steps: Vec<_> = members.map(|member| self.step(&member)).collect();
        if let Some(config) = self.with.lookup.service(&service) {
            for member in config.middlewares.iter().map(|m| qualify(m, provider(&service))) {
                let step = self.step(&member);
                if let (None, Some(reason)) = (&step, self.errors.last()) {
                    self.broken.push((ObjectRef::Service(Arc::clone(&service)), reason.clone()));
                }
                steps.push(step);
            }
        }
        let end = end?;
        let steps = steps.into_iter().collect::<Option<Vec<_>>>()?;
        let internal = matches!(end, End::Internal(_));
        Some(Way { service, pipeline: Pipeline::new(Chain::new(steps), end), internal })
    }

    /// One middleware of this router.
    fn step(&mut self, name: &Name) -> Option<Arc<Middleware>> {
        let mut builder = StepBuilder {
            lookup: self.with.lookup,
            shared: &mut *self.with.services,
            old: self.old_steps,
            dependencies: self.dependencies,
            built: &mut self.steps,
        };
        match builder.step(name) {
            Ok(step) => Some(step),
            Err(error) => {
                let reason = causes(&error);
                if self.with.lookup.middleware(name).is_some() {
                    self.broken.push((ObjectRef::Middleware(Arc::clone(name)), reason.clone()));
                }
                self.errors.push(reason);
                None
            }
        }
    }

    fn end(&mut self, name: &Name) -> Option<End> {
        if let Some(internal) = self.with.internals.get(name) {
            return Some(End::Internal(Arc::clone(internal)));
        }
        let made = self.with.services.service(name, self.with.lookup, self.dependencies);
        match made {
            Ok(service) => Some(End::Service(service)),
            Err(error) => {
                if self.with.lookup.service(name).is_some() {
                    self.broken.push((ObjectRef::Service(Arc::clone(name)), error.clone()));
                }
                self.errors.push(error);
                None
            }
        }
    }
}

fn ingress(observability: RouterObservability) -> Option<Arc<IngressMetadata>> {
    observability.metadata?.ingress
}

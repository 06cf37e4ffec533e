//! One instance of a router, built: the route that is served, and what is wrong with it.

use super::Http;
use super::objects::HttpDependency;
use crate::compile::lookup::{Lookup, ObjectRef};
use crate::compile::placement::{Models, PlacedRouter};
use crate::compile::router_set::Instance;
use crate::compile::services::Services;
use crate::compile::steps::{NamedStep, StepBuilder};
use crate::compile::tls_options::{ByName, Choice};
use crate::metrics::{Counted, Metrics, RouteSeries};
use crate::router::CompiledRule;
use crate::service::{End, Internal, Pipeline};
use crate::snapshot::{Route, RouteTarget};
use flow_middleware::{Chain, Middleware};
use flow_model::config::{IngressMetadata, Router, RouterObservability};
use flow_model::diagnostic::causes;
use flow_model::name::{INTERNAL, Name, provider, qualify};
use flow_model::runtime::{RouterInfo, Status};
use std::sync::Arc;

/// The highest priority that a user may set: those above are for the proxy's own routers, as in Traefik.
const HIGHEST: i64 = i64::MAX - 1000;

/// The parts of a compilation that routers are built with.
pub(in crate::compile) struct BuildContext<'a> {
    pub(in crate::compile) models: &'a Models,
    pub(in crate::compile) choice: &'a Choice,
    pub(in crate::compile) lookup: Lookup<'a>,
    pub(in crate::compile) services: &'a mut Services,
    pub(in crate::compile) metrics: Option<&'a Arc<Metrics>>,
    /// Routers of internal objects are neither counted nor logged unless this says so.
    pub(in crate::compile) internals: &'a ByName<Arc<dyn Internal>>,
    pub(in crate::compile) record_internals: RecordInternals,
    /// TLS options that were checked, with the reason where they cannot be used: many routers name the same.
    pub(in crate::compile) checked_options: ByName<Result<(), String>>,
}

/// The records of requests to the proxy's own services (`addInternals`). Default: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordInternals {
    /// In the access log.
    pub access_log: bool,
    /// In the metrics.
    pub metrics: bool,
}

/// An instance that is being built.
pub(super) struct Build<'a, 'b> {
    pub(super) provider: &'a str,
    pub(super) source: &'a Arc<Router>,
    pub(super) placed: PlacedRouter,
    /// The steps of the instance that this one replaces.
    pub(super) old_steps: &'a [NamedStep],
    pub(super) dependencies: &'a mut Vec<HttpDependency>,
    pub(super) with: &'a mut BuildContext<'b>,
    pub(super) steps: Vec<NamedStep>,
    pub(super) errors: Vec<String>,
    /// The objects that could not be built, and why.
    pub(super) broken: Vec<(ObjectRef, String)>,
}

impl<'a, 'b> Build<'a, 'b> {
    pub(super) fn new(
        name: &'a Name,
        source: &'a Arc<Router>,
        placed: PlacedRouter,
        old_steps: &'a [NamedStep],
        dependencies: &'a mut Vec<HttpDependency>,
        with: &'a mut BuildContext<'b>,
    ) -> Self {
        let errors = placed.placement.errors.clone();
        let (provider, steps, broken) = (provider(name), Vec::new(), Vec::new());
        Self { provider, source, placed, old_steps, dependencies, with, steps, errors, broken }
    }

    pub(super) fn finish(mut self, rule: &Result<Arc<CompiledRule>, String>) -> Instance<Http> {
        let mut route = None;
        let router = self.placed.placement.inherited.apply(self.source);
        // As in Traefik, what stands behind a router is looked at only once an entry point takes it.
        let is_too_high = router.priority > HIGHEST && self.provider != INTERNAL;
        if is_too_high {
            let priority = router.priority;
            self.errors.push(format!("the router priority {priority} exceeds the max user-defined priority {HIGHEST}"));
        }
        let mut looked_up = false;
        if !self.placed.placement.indexes.is_empty() && !is_too_high {
            if let Err(error) = rule {
                self.errors.push(error.clone());
            }
            let tls_options = self.tls_options(&router);
            looked_up = tls_options.is_some();
            let target = tls_options.and_then(|options| self.target(&router, options));
            route = target.zip(rule.as_ref().ok()).map(|(target, rule)| {
                Arc::new(Route {
                    rule: Arc::clone(rule),
                    priority: match self.source.priority {
                        0 => router.priority - i64::from(router.path.discount),
                        given => given,
                    },
                    path: router.path,
                    created: router.created,
                    precedence: self.with.lookup.precedence(self.provider),
                    name: Arc::clone(&self.placed.name),
                    target,
                })
            });
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

    fn target(&mut self, router: &Router, tls_options: Name) -> Option<RouteTarget> {
        let service_name = qualify(&router.service, self.provider);
        let end = self.end(&service_name);
        let service_name = self.with.services.shared(service_name);
        let members = router.middlewares.iter().map(|m| qualify(m, self.provider));
        let mut steps: Vec<_> = members.map(|member| self.step(&member)).collect();
        if let Some(service) = self.with.lookup.service(&service_name) {
            for member in service.middlewares.iter().map(|m| qualify(m, provider(&service_name))) {
                let step = self.step(&member);
                if let (None, Some(reason)) = (&step, self.errors.last()) {
                    self.broken.push((ObjectRef::Service(Arc::clone(&service_name)), reason.clone()));
                }
                steps.push(step);
            }
        }
        let end = end?;
        let steps = steps.into_iter().collect::<Option<Vec<_>>>()?;
        let internal = matches!(end, End::Internal(_));
        let observability = router.observability.clone().unwrap_or_default();
        let metrics = self
            .with
            .metrics
            .filter(|_| observability.metrics.unwrap_or(true) && (!internal || self.with.record_internals.metrics));
        Some(RouteTarget {
            log: observability.access_logs.unwrap_or(true) && (!internal || self.with.record_internals.access_log),
            series: metrics.map(|metrics| {
                RouteSeries::new(metrics, Counted { router: &self.placed.name, service: &service_name, internal })
            }),
            ingress: ingress(observability),
            service: service_name,
            pipeline: Pipeline::new(Chain::new(steps), end),
            tls_options,
        })
    }

    /// One middleware of this router.
    fn step(&mut self, name: &Name) -> Option<Arc<Middleware>> {
        let mut builder = StepBuilder {
            lookup: self.with.lookup,
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

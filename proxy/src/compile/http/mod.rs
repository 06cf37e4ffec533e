//! HTTP as a protocol of the compiler: its routers, middlewares and services.

mod build;
mod context;
mod decide;
mod inner;
mod listing;
mod objects;
mod placement;
mod router_tree;
mod rule;
mod services;
mod shared_steps;
mod steps;
mod tls;
pub(super) mod tls_options;

pub use context::RecordInternals;

use super::Setup;
use super::entry_points::EntryPoints;
use super::lookup::{Lookup, ObjectRef};
use super::names::{ByName, Names};
use super::protocol::{Change, Protocol, Table};
use crate::metrics::Metrics;
use crate::router::RouteTable;
use crate::service::{HealthTable, Internal};
use crate::snapshot::RouteTarget;
use context::BuildContext;
use flow_model::config::{Config, Objects, Router, RuleSyntax};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::{Name, qualify};
use flow_model::runtime::{RouterInfo, Runtime, Status};
use objects::HttpDependency;
use placement::Models;
use router_tree::Place;
use rule::HttpRule;
use services::Services;
use std::sync::Arc;
use steps::{NamedStep, SharedParts as _};
use tls_options::{Choice, Conflict};

/// The parts that all routers of HTTP share.
pub(super) struct Http {
    /// The models of the entry points.
    pub(super) models: Models,
    /// The syntax of rules that name none.
    rule_syntax: RuleSyntax,
    /// No router is served whose TLS options conflict with another's.
    strict_tls_options: bool,
    /// The services in use.
    services: Services,
    /// Metrics, if they are on.
    metrics: Option<Arc<Metrics>>,
    /// The proxy's own services, by qualified name.
    internals: ByName<Arc<dyn Internal>>,
    /// The records of requests to those.
    record_internals: RecordInternals,
    /// Routers that ask for other TLS options than the default ones.
    with_options: Names,
    /// The TLS options of hosts, and the routers that are in a conflict about them.
    choice: Choice,
    /// Routers that are below others.
    inner: Names,
    /// The places of those and of the ones above them.
    places: ByName<Arc<Place>>,
}

/// The facts of a router that depend on other routers.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Decision {
    /// The conflicts about its TLS options.
    conflicts: Vec<Conflict>,
    /// Its place, if it is below or above another one.
    place: Option<Arc<Place>>,
}

impl Protocol for Http {
    type Config = Config;
    type Router = Router;
    type Rule = HttpRule;
    type Decision = Decision;
    type Dependency = HttpDependency;
    type Info = RouterInfo;
    type Kept = Box<[NamedStep]>;
    type Table = RouteTable<RouteTarget>;
    type Listing = Runtime;
    type Builder<'a> = BuildContext<'a>;

    const ROUTER_KIND: &'static str = "router";

    fn routers(config: &Config) -> &Objects<Router> {
        &config.routers
    }

    fn changed_objects(before: &Config, now: &Config, provider: &str) -> Vec<ObjectRef> {
        fn changed<T>(
            before: &Objects<T>,
            now: &Objects<T>,
            provider: &str,
            kind: fn(Name) -> ObjectRef,
        ) -> Vec<ObjectRef> {
            now.changed_since(before).into_iter().map(|name| kind(qualify(name, provider))).collect()
        }
        let mut objects = changed(&before.middlewares, &now.middlewares, provider, ObjectRef::Middleware);
        objects.extend(changed(&before.services, &now.services, provider, ObjectRef::Service));
        objects.extend(changed(&before.tls_options, &now.tls_options, provider, ObjectRef::TlsOptions));
        objects.extend(changed(&before.servers_transports, &now.servers_transports, provider, ObjectRef::Transport));
        objects
    }

    fn read_rule(&self, router: &Router, previous: Option<(&Router, &HttpRule)>) -> HttpRule {
        match previous {
            Some((last, rule)) if last.rule == router.rule && last.rule_syntax == router.rule_syntax => rule.clone(),
            _ => HttpRule::read(router, self.rule_syntax),
        }
    }

    /// Chooses among the TLS options that routers ask for, and places routers below others.
    fn decide<'a>(
        &mut self,
        routers: impl Iterator<Item = (&'a Name, &'a Router, &'a HttpRule)> + Clone,
        change: &Change<Router>,
        lookup: Lookup<'_>,
    ) -> Vec<Name> {
        for (name, router) in &change.routers {
            if router.as_ref().is_some_and(|router| !router.parent_refs.is_empty()) {
                self.inner.insert(Arc::clone(name));
            } else {
                self.inner.remove(name);
            }
            if router.as_ref().is_some_and(|router| self.asks_for_options(router)) {
                self.with_options.insert(Arc::clone(name));
            } else {
                self.with_options.remove(name);
            }
        }
        let options_changed = change.objects.iter().any(|object| matches!(object, ObjectRef::TlsOptions(_)));
        if !options_changed && change.routers.is_empty() {
            return Vec::new();
        }
        let mut changed = self.place(routers.clone(), lookup);
        changed.extend(self.choose(routers, lookup));
        changed
    }

    fn builder<'a>(&'a mut self, lookup: Lookup<'a>) -> BuildContext<'a> {
        BuildContext {
            models: &self.models,
            choice: &self.choice,
            places: &self.places,
            lookup,
            services: &mut self.services,
            metrics: self.metrics.as_ref(),
            internals: &self.internals,
            record_internals: self.record_internals,
            checked_options: ByName::default(),
        }
    }

    fn release(&mut self, unused: &[ObjectRef]) {
        let services = unused.iter().filter_map(|object| match object {
            ObjectRef::Service(name) => Some(name),
            _ => None,
        });
        self.services.sweep(services);
        let middlewares = unused.iter().filter_map(|object| match object {
            ObjectRef::Middleware(name) => Some(name),
            _ => None,
        });
        self.services.shared_steps().sweep(middlewares);
    }

    fn state(info: &RouterInfo) -> (Status, &[String]) {
        (info.status, &info.errors)
    }
}

impl<T> Table for RouteTable<T> {
    type Route = crate::router::Route<T>;

    fn with(&self, gone: &[Arc<Self::Route>], new: &[Arc<Self::Route>]) -> Self {
        self.with(gone, new)
    }
}

impl Http {
    /// The findings about services that are served.
    pub(super) fn findings(&self) -> impl Iterator<Item = Diagnostic> {
        self.services.findings()
    }

    /// The protocol without routers.
    /// `health` will tell of the results of health checks.
    pub(super) fn new(setup: Setup, health: &Arc<HealthTable>) -> Self {
        Self {
            models: Models::new(EntryPoints::new(setup.entry_points), setup.rule_syntax),
            rule_syntax: setup.rule_syntax.unwrap_or_default(),
            strict_tls_options: setup.strict_tls_options,
            services: Services::new(
                Arc::new(setup.default_transport),
                setup.tunnels,
                setup.proxies,
                setup.checks,
                Arc::clone(health),
                setup.metrics.clone(),
            ),
            metrics: setup.metrics,
            internals: setup.internals.into_iter().collect(),
            record_internals: setup.record_internals,
            with_options: Names::default(),
            choice: Choice::default(),
            inner: Names::default(),
            places: ByName::default(),
        }
    }
}

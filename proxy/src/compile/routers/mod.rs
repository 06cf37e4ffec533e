//! HTTP as a protocol of the compiler: its routers, middlewares and services.

mod build;
mod listing;
mod objects;
mod rule;
mod tls;

pub use build::RecordInternals;
pub(in crate::compile) use objects::HttpDependency;

use super::Setup;
use super::change::Change;
use super::entry_points::EntryPoints;
use super::lookup::{Lookup, ObjectRef};
use super::placement::Models;
use super::protocol::{Builder, Built, Protocol, Table};
use super::router_set::{Instance, Names, RouterStates};
use super::services::Services;
use super::steps::NamedStep;
use super::tls_options::{
    ByName, Choice, Conflict, ConflictPolicy, DEFAULT, Guard, TlsOptionsRequest, choose, default_name,
};
use crate::metrics::Metrics;
use crate::router::RouteTable;
use crate::service::Internal;
use crate::snapshot::RouteTarget;
use crate::tls::check_options;
use build::{Build, BuildContext};
use flow_model::config::{Config, Objects, Router, RouterTls, RuleSyntax};
use flow_model::name::{Name, provider, qualify};
use flow_model::runtime::{RouterInfo, Runtime, Status};
use rule::HttpRule;
use std::sync::Arc;

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
}

impl Protocol for Http {
    type Config = Config;
    type Router = Router;
    type Rule = HttpRule;
    type Decision = Vec<Conflict>;
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

    /// Chooses among the TLS options that routers ask for.
    fn decide(&mut self, routers: &RouterStates<Self>, change: &Change<Self>, lookup: Lookup<'_>) -> Vec<Name> {
        for (name, router) in &change.routers {
            if router.as_ref().is_some_and(|router| self.asks_for_options(router)) {
                self.with_options.insert(Arc::clone(name));
            } else {
                self.with_options.remove(name);
            }
        }
        let options_changed = change.objects.iter().any(|object| matches!(object, ObjectRef::TlsOptions(_)));
        if options_changed || !change.routers.is_empty() { self.choose(routers, lookup) } else { Vec::new() }
    }

    fn builder<'a>(&'a mut self, lookup: Lookup<'a>) -> BuildContext<'a> {
        BuildContext {
            models: &self.models,
            choice: &self.choice,
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
    /// The protocol without routers.
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            models: Models::new(EntryPoints::new(setup.entry_points), setup.rule_syntax),
            rule_syntax: setup.rule_syntax.unwrap_or_default(),
            strict_tls_options: setup.strict_tls_options,
            services: Services::new(Arc::new(setup.default_transport), setup.tunnels),
            metrics: setup.metrics,
            internals: setup.internals.into_iter().collect(),
            record_internals: setup.record_internals,
            with_options: Names::default(),
            choice: Choice::default(),
        }
    }

    /// For each entry point, by its index: the hosts whose connections get other TLS options than the default ones.
    pub(super) fn tls_hosts(&self) -> Vec<ByName<Name>> {
        let entry_points = self.models.entry_points().iter();
        entry_points
            .map(|entry_point| self.choice.by_host.get(&entry_point.name).cloned().unwrap_or_default())
            .collect()
    }

    fn asks_for_options(&self, router: &Router) -> bool {
        self.models.tls_of(router).any(|(_, tls)| !is_default(tls))
    }

    /// Chooses anew. Returns the routers with other conflicts than before.
    fn choose(&mut self, routers: &RouterStates<Self>, lookup: Lookup<'_>) -> Vec<Name> {
        // If every router has the default options, there is nothing to choose.
        let choice = if self.with_options.is_empty() {
            Choice::default()
        } else {
            let requests = routers.iter().flat_map(|(name, router)| {
                self.models.tls_of(&router.source).map(|(entry_point, tls)| TlsOptionsRequest {
                    entry_point: Arc::clone(entry_point),
                    router: Arc::clone(name),
                    hosts: Arc::clone(&router.rule.hosts),
                    options: if is_default(tls) { default_name() } else { qualify(&tls.options, provider(name)) },
                    created: router.source.created,
                })
            });
            let guard = |name: &str| match lookup.tls_options(name) {
                Some(options) if check_options(options).is_err() => Guard::Unusable,
                Some(options) if options.asks_for_certificates() => Guard::Asks,
                None if name != DEFAULT => Guard::Unusable,
                _ => Guard::Open,
            };
            let policy = ConflictPolicy { strict: self.strict_tls_options, guard: &guard };
            choose(&requests.collect::<Vec<_>>(), &policy)
        };
        let before = std::mem::replace(&mut self.choice, choice);
        let now = &self.choice.conflicts;
        let changed = now.iter().filter(|(name, conflicts)| before.conflicts.get(*name) != Some(conflicts));
        let ended = before.conflicts.keys().filter(|name| !now.contains_key(*name));
        changed.map(|(name, _)| name).chain(ended).cloned().collect()
    }
}

fn is_default(tls: &RouterTls) -> bool {
    tls.options.is_empty() || &*tls.options == DEFAULT
}

impl Builder<Http> for BuildContext<'_> {
    fn decision(&self, router: &Name) -> Option<Vec<Conflict>> {
        self.choice.conflicts.get(router).cloned()
    }

    /// Counters of middlewares live on where their specification is the same.
    fn build(
        &mut self,
        name: &Name,
        router: &Arc<Router>,
        rule: &HttpRule,
        decision: Option<&Vec<Conflict>>,
        old: &[Instance<Http>],
    ) -> Built<Http> {
        let placed = self.models.place(name, router, decision.map_or(&[], |conflicts| conflicts));
        let mut dependencies = Vec::new();
        let instances = placed.into_iter().map(|placed| {
            let old_steps = old.iter().find(|old| old.name == placed.name).map_or(&[][..], |old| &old.kept);
            let build = Build::new(name, router, placed, old_steps, &mut dependencies, self);
            build.finish(&rule.condition)
        });
        Built { instances: instances.collect(), dependencies }
    }
}

//! Routers, compiled one by one and kept while nothing that they were made from has changed.

mod build;
mod rule;
mod tls;

pub(in crate::compile) use build::BuildContext;
pub use build::RecordInternals;

use super::lookup::{Dependency, Lookup};
use super::placement::{Defaults, PlacedRouter};
use super::steps::NamedStep;
use super::tls_options::{Conflict, DEFAULT, TlsOptionsRequest, default_name};
use crate::router::CompiledRule;
use crate::snapshot::Route;
use build::Build;
use flow_model::config::{Router, RuleSyntax};
use flow_model::name::{Name, provider, qualify};
use flow_model::runtime::{RouterInfo, Status};
use rule::read_rule;
use std::sync::Arc;

/// One router as its provider has it.
#[derive(Debug)]
pub(super) struct RouterState {
    source: Arc<Router>,
    rule: Result<Arc<CompiledRule>, String>,
    hosts: Arc<[Name]>,
    conflicts: Box<[Conflict]>,
    pub(super) instances: Box<[RouterInstance]>,
    /// Everything that the instances were made from.
    pub(super) dependencies: Box<[Dependency]>,
}

/// The parts of a router from before it was built anew.
pub(super) struct Replaced {
    pub(super) instances: Box<[RouterInstance]>,
    pub(super) dependencies: Box<[Dependency]>,
}

/// One placed instance of a router.
#[derive(Debug)]
pub(super) struct RouterInstance {
    pub(super) placed: PlacedRouter,
    pub(super) info: Arc<RouterInfo>,
    /// Absent where the router is disabled.
    pub(super) route: Option<Arc<Route>>,
    /// It is a router of TLS connections.
    pub(super) tls: bool,
    steps: Box<[NamedStep]>,
    /// The objects that it needs and that could not be built.
    pub(super) broken: Option<Box<Broken>>,
}

/// Objects that could not be built, and why.
#[derive(Debug, Default)]
pub(super) struct Broken {
    pub(super) middlewares: Vec<(Name, String)>,
    pub(super) services: Vec<(Name, String)>,
}

impl RouterState {
    /// Reads the rule, unless it is the one that was read before.
    pub(super) fn read(source: &Arc<Router>, default_syntax: RuleSyntax, previous: Option<&Self>) -> Self {
        let (rule, hosts) = match previous {
            Some(entry) if entry.source.rule == source.rule && entry.source.rule_syntax == source.rule_syntax => {
                (entry.rule.clone(), Arc::clone(&entry.hosts))
            }
            _ => read_rule(source, default_syntax),
        };
        let (conflicts, instances, dependencies) = Default::default();
        Self { source: Arc::clone(source), rule, hosts, conflicts, instances, dependencies }
    }

    /// True if it asks for other TLS options than the default ones on any entry point.
    pub(super) fn wants_options(&self, defaults: &Defaults) -> bool {
        defaults.tls_of(&self.source).any(|(_, tls)| !tls.options.is_empty() && &*tls.options != DEFAULT)
    }

    /// True if anything is wrong with it.
    pub(super) fn is_troubled(&self) -> bool {
        self.instances.iter().any(|instance| instance.info.status != Status::Enabled || instance.broken.is_some())
    }

    /// The TLS options that it asks for on each of its entry points.
    pub(super) fn tls_options_requests<'a>(
        &'a self,
        name: &'a Name,
        defaults: &'a Defaults,
    ) -> impl Iterator<Item = TlsOptionsRequest> + 'a {
        defaults.tls_of(&self.source).map(move |(entry_point, tls)| TlsOptionsRequest {
            entry_point: Arc::clone(entry_point),
            router: Arc::clone(name),
            hosts: Arc::clone(&self.hosts),
            options: if tls.options.is_empty() || &*tls.options == DEFAULT {
                default_name()
            } else {
                qualify(&tls.options, provider(name))
            },
            created: self.source.created,
        })
    }

    /// True if nothing has changed since the instances were made.
    pub(super) fn holds(&self, conflicts: &[Conflict], lookup: Lookup<'_>) -> bool {
        !self.instances.is_empty()
            && *self.conflicts == *conflicts
            && self.dependencies.iter().all(|dependency| dependency.holds(lookup))
    }

    /// Makes the instances that are served; counters of middlewares live on where their specification is the same.
    /// Gives the instances that were there.
    pub(super) fn build(
        &mut self,
        name: &Name,
        conflicts: &[Conflict],
        previous: Option<&Self>,
        with: &mut BuildContext<'_>,
    ) -> Replaced {
        let old =
            if self.instances.is_empty() { previous.map_or(&[][..], |p| &p.instances) } else { &self.instances[..] };
        let placed = with.defaults.place(name, &self.source, conflicts);
        let mut dependencies = Vec::new();
        let instances = placed.into_iter().map(|placed| {
            let old_steps = old.iter().find(|old| old.placed.name == placed.name).map_or(&[][..], |old| &old.steps);
            let build = Build::new(name, &self.source, placed, old_steps, &mut dependencies, with);
            build.finish(&self.rule)
        });
        let instances = instances.collect();
        dependencies.sort_unstable_by_key(Dependency::object);
        dependencies.dedup_by(|a, b| a.object() == b.object());
        self.conflicts = conflicts.into();
        Replaced {
            instances: std::mem::replace(&mut self.instances, instances),
            dependencies: std::mem::replace(&mut self.dependencies, dependencies.into()),
        }
    }
}

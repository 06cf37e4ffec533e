//! Routers, compiled one by one and kept while nothing that they were made from has changed.

use super::lookup::{Dependency, Lookup};
use super::services::Services;
use super::settle::{Defaults, Settled};
use super::tls_options::{ByName, Conflict, DEFAULT, Outcome, Wish, default_name};
use crate::forward::fetch;
use crate::metrics::{Counted, Metrics, RouteSeries};
use crate::router::CompiledRule;
use crate::snapshot::{Pipeline, Route, Target};
use crate::tls::check_options;
use flow_middleware::chain::Chain;
use flow_middleware::{Middleware as Step, MiddlewareError, compile};
use flow_model::config::{IngressMetadata, Router, RouterObservability, RouterTls, RuleSyntax};
use flow_model::diagnostic::causes;
use flow_model::middleware::{ForwardAuth, Middleware};
use flow_model::name::{INTERNAL, KUBERNETES, KUBERNETES_CRD, Name, provider, qualify};
use flow_model::rule::Rule;
use flow_model::runtime::{RouterInfo, Status};
use hashbrown::HashMap;
use std::sync::Arc;

/// The highest priority that a user may set: those above are for the proxy's own routers, as in Traefik.
const HIGHEST: i64 = i64::MAX - 1000;

/// One router as its provider has it.
#[derive(Debug)]
pub(super) struct Entry {
    source: Arc<Router>,
    rule: Result<Arc<CompiledRule>, String>,
    hosts: Arc<[Name]>,
    conflicts: Box<[Conflict]>,
    pub(super) copies: Box<[Copy]>,
    /// Everything that the copies were made from.
    pub(super) dependencies: Box<[Dependency]>,
}

/// What a router was before it was built anew.
pub(super) struct Replaced {
    pub(super) copies: Box<[Copy]>,
    pub(super) dependencies: Box<[Dependency]>,
}

/// A middleware's name, its specification, and what was made of it.
type NamedStep = (Name, Arc<Middleware>, Arc<Step>);

/// One settled copy of a router.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) settled: Settled,
    pub(super) info: Arc<RouterInfo>,
    /// Absent where the router is disabled.
    pub(super) route: Option<Arc<Route>>,
    /// It is a router of TLS connections.
    pub(super) tls: bool,
    steps: Box<[NamedStep]>,
    /// What it needs and could not be built.
    pub(super) broken: Option<Box<Broken>>,
}

/// Objects that could not be built, and why.
#[derive(Debug, Default)]
pub(super) struct Broken {
    pub(super) middlewares: Vec<(Name, String)>,
    pub(super) services: Vec<(Name, String)>,
}

impl Entry {
    /// Reads the rule, unless it is the one that was read before.
    pub(super) fn read(source: &Arc<Router>, default_syntax: RuleSyntax, previous: Option<&Self>) -> Self {
        let (rule, hosts) = match previous {
            Some(entry) if entry.source.rule == source.rule && entry.source.rule_syntax == source.rule_syntax => {
                (entry.rule.clone(), Arc::clone(&entry.hosts))
            }
            _ => read_rule(source, default_syntax),
        };
        let (conflicts, copies, dependencies) = Default::default();
        Self { source: Arc::clone(source), rule, hosts, conflicts, copies, dependencies }
    }

    /// Whether it wants other TLS options than the default ones anywhere.
    pub(super) fn wants_options(&self, defaults: &Defaults) -> bool {
        defaults.tls_of(&self.source).any(|(_, tls)| !tls.options.is_empty() && &*tls.options != DEFAULT)
    }

    /// Whether anything is wrong with it.
    pub(super) fn is_troubled(&self) -> bool {
        self.copies.iter().any(|copy| copy.info.status != Status::Enabled || copy.broken.is_some())
    }

    /// What the router wants of TLS on each of its entry points.
    pub(super) fn wishes<'a>(&'a self, name: &'a Name, defaults: &'a Defaults) -> impl Iterator<Item = Wish> + 'a {
        defaults.tls_of(&self.source).map(move |(entry_point, tls)| Wish {
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

    /// Nothing has changed since the copies were made.
    pub(super) fn holds(&self, conflicts: &[Conflict], lookup: Lookup<'_>) -> bool {
        !self.copies.is_empty()
            && *self.conflicts == *conflicts
            && self.dependencies.iter().all(|dependency| dependency.holds(lookup))
    }

    /// Makes the copies that are served; counters of middlewares live on where their specification is the same.
    /// Gives the copies that were there.
    pub(super) fn build(
        &mut self,
        name: &Name,
        conflicts: &[Conflict],
        previous: Option<&Self>,
        with: &mut Workshop<'_>,
    ) -> Replaced {
        let old = if self.copies.is_empty() { previous.map_or(&[][..], |p| &p.copies) } else { &self.copies[..] };
        let old_steps: OldSteps = old
            .iter()
            .flat_map(|copy| {
                copy.steps.iter().map(|(step, spec, made)| {
                    ((Arc::clone(&copy.settled.name), Arc::clone(step)), (Arc::clone(spec), Arc::clone(made)))
                })
            })
            .collect();
        let settled = with.defaults.settle(name, &self.source, conflicts);
        let mut dependencies = Vec::new();
        let copies = settled.into_iter().map(|settled| {
            let build = Build::new(name, &self.source, settled, &old_steps, &mut dependencies, with);
            build.finish(&self.rule)
        });
        let copies = copies.collect();
        dependencies.sort_unstable_by_key(Dependency::on);
        dependencies.dedup_by(|a, b| a.on() == b.on());
        self.conflicts = conflicts.into();
        Replaced {
            copies: std::mem::replace(&mut self.copies, copies),
            dependencies: std::mem::replace(&mut self.dependencies, dependencies.into()),
        }
    }
}

fn read_rule(source: &Router, default_syntax: RuleSyntax) -> (Result<Arc<CompiledRule>, String>, Arc<[Name]>) {
    let syntax = match source.rule_syntax {
        None => default_syntax,
        Some(syntax) => syntax,
    };
    match Rule::parse(&source.rule, syntax) {
        Ok(rule) => {
            let hosts = rule.hosts().filter_map(server_name).map(Name::from).collect();
            (CompiledRule::compile(&rule).map_err(|e| format!("error while adding rule {}: {e}", source.rule)), hosts)
        }
        Err(error) => (Err(format!("error while parsing rule {}: {error}", source.rule)), Arc::default()),
    }
}

/// The server name that clients ask for a rule's host with; `*` stands for none.
fn server_name(host: &str) -> Option<&str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    (!name.is_empty() && name != "*").then_some(name)
}

/// What routers are built with.
pub(super) struct Workshop<'a> {
    pub(super) defaults: &'a Defaults,
    pub(super) lookup: Lookup<'a>,
    pub(super) services: &'a mut Services,
    pub(super) metrics: Option<&'a Arc<Metrics>>,
    /// Routers of internal objects are neither counted nor logged unless this says so.
    pub(super) internals: ByName<Arc<dyn crate::snapshot::Internal>>,
    pub(super) record_internals: RecordInternals,
    /// Why TLS options cannot be used, or that they can: many routers name the same.
    pub(super) checked_options: ByName<Result<(), String>>,
}

/// Whether requests to the proxy's own services are recorded (`addInternals`).
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordInternals {
    /// In the access log.
    pub access_log: bool,
    /// In the metrics.
    pub metrics: bool,
}

/// A middleware of one copy: its specification, and what was made of it.
type Made = (Arc<Middleware>, Arc<Step>);
/// What was made before, by the copy's and the middleware's names.
type OldSteps = HashMap<(Name, Name), Made>;

/// The making of one copy.
struct Build<'a, 'b> {
    provider: &'a str,
    source: &'a Arc<Router>,
    settled: Settled,
    old_steps: &'a OldSteps,
    dependencies: &'a mut Vec<Dependency>,
    with: &'a mut Workshop<'b>,
    steps: Vec<NamedStep>,
    errors: Vec<String>,
    broken: Broken,
}

impl<'a, 'b> Build<'a, 'b> {
    fn new(
        name: &'a Name,
        source: &'a Arc<Router>,
        settled: Settled,
        old_steps: &'a OldSteps,
        dependencies: &'a mut Vec<Dependency>,
        with: &'a mut Workshop<'b>,
    ) -> Self {
        let errors = settled.site.errors.clone();
        let (provider, steps, broken) = (provider(name), Vec::new(), Broken::default());
        Self { provider, source, settled, old_steps, dependencies, with, steps, errors, broken }
    }

    fn finish(mut self, rule: &Result<Arc<CompiledRule>, String>) -> Copy {
        let mut route = None;
        let router = self.settled.site.inherited.settle(self.source);
        // As in Traefik, what stands behind a router is looked at only once an entry point takes it.
        let is_too_high = router.priority > HIGHEST && self.provider != INTERNAL;
        if is_too_high {
            let priority = router.priority;
            self.errors.push(format!("the router priority {priority} exceeds the max user-defined priority {HIGHEST}"));
        }
        let mut looked_up = false;
        if !self.settled.site.places.is_empty() && !is_too_high {
            if let Err(error) = rule {
                self.errors.push(error.clone());
            }
            let tls_options = self.tls_options(&router);
            looked_up = tls_options.is_some();
            let pipeline = tls_options.and_then(|options| self.pipeline(&router, options));
            route = pipeline.zip(rule.as_ref().ok()).map(|(target, rule)| {
                Arc::new(Route {
                    rule: Arc::clone(rule),
                    priority: match self.source.priority {
                        0 => router.priority - i64::from(router.path.discount),
                        given => given,
                    },
                    path: router.path,
                    created: router.created,
                    precedence: precedence(self.provider),
                    name: Arc::clone(&self.settled.name),
                    target,
                })
            });
        }
        let status = match (&route, self.errors.is_empty()) {
            (None, _) => Status::Disabled,
            (Some(_), false) => Status::Warning,
            (Some(_), true) => Status::Enabled,
        };
        let inherited = Arc::clone(&self.settled.site.inherited);
        let is_broken = !self.broken.middlewares.is_empty() || !self.broken.services.is_empty();
        Copy {
            info: Arc::new(RouterInfo {
                router: Arc::clone(self.source),
                inherited,
                status,
                errors: self.errors,
                looked_up,
            }),
            route,
            tls: router.tls.is_some(),
            settled: self.settled,
            steps: self.steps.into(),
            broken: is_broken.then(|| Box::new(self.broken)),
        }
    }

    fn pipeline(&mut self, router: &Router, tls_options: Name) -> Option<Pipeline> {
        let service_name = qualify(&router.service, self.provider);
        let target = self.target(&service_name);
        let service_name = self.with.services.shared(service_name);
        let members = router.middlewares.iter().map(|m| qualify(m, self.provider));
        let mut steps: Vec<_> = members.map(|member| self.step(&member)).collect();
        if let Some(service) = self.with.lookup.service(&service_name) {
            for member in service.middlewares.iter().map(|m| qualify(m, provider(&service_name))) {
                let step = self.step(&member);
                if let (None, Some(reason)) = (&step, self.errors.last()) {
                    self.broken.services.push((Arc::clone(&service_name), reason.clone()));
                }
                steps.push(step);
            }
        }
        let target = target?;
        let steps = steps.into_iter().collect::<Option<Vec<_>>>()?;
        let internal = matches!(target, Target::Internal(_));
        let observability = router.observability.clone().unwrap_or_default();
        let metrics = self
            .with
            .metrics
            .filter(|_| observability.metrics.unwrap_or(true) && (!internal || self.with.record_internals.metrics));
        Some(Pipeline {
            log: observability.access_logs.unwrap_or(true) && (!internal || self.with.record_internals.access_log),
            series: metrics.map(|metrics| {
                RouteSeries::new(metrics, Counted { router: &self.settled.name, service: &service_name, internal })
            }),
            ingress: ingress(observability),
            service: service_name,
            chain: Chain::new(steps),
            target,
            tls_options,
        })
    }

    /// The options that a TLS connection must have been made with; empty for a router of plain connections.
    fn tls_options(&mut self, router: &Router) -> Option<Name> {
        let Some(tls) = &router.tls else { return Some(Name::default()) };
        let wanted = self.wanted_tls_options(tls)?;
        let conflicts = &self.settled.conflicts;
        self.errors.extend(conflicts.iter().map(|conflict| conflict.message.clone()));
        let is = |outcome| conflicts.iter().any(|conflict| conflict.outcome == outcome);
        if is(Outcome::Refused) {
            None
        } else if is(Outcome::Default) {
            Some(default_name())
        } else {
            Some(wanted)
        }
    }

    fn wanted_tls_options(&mut self, tls: &RouterTls) -> Option<Name> {
        if tls.options.is_empty() || &*tls.options == DEFAULT {
            return Some(default_name());
        }
        let name = qualify(&tls.options, self.provider);
        let options = self.with.lookup.tls_options(&name).cloned();
        self.dependencies.push(Dependency::TlsOptions(Arc::clone(&name), options.clone()));
        let usable = match &options {
            None => Err(format!("building router handler: unknown TLS options: {name}")),
            Some(options) => self
                .with
                .checked_options
                .entry(Arc::clone(&name))
                .or_insert_with(|| check_options(options))
                .clone()
                .map_err(|reason| format!("building router handler: TLS options {name} cannot be used: {reason}")),
        };
        if let Err(error) = usable {
            self.errors.push(error);
            return None;
        }
        Some(name)
    }

    fn target(&mut self, name: &Name) -> Option<Target> {
        if let Some(internal) = self.with.internals.get(name) {
            return Some(Target::Internal(Arc::clone(internal)));
        }
        let made = self.with.services.service(name, self.with.lookup, self.dependencies);
        match made {
            Ok(service) => Some(Target::Service(service)),
            Err(error) => {
                if self.with.lookup.service(name).is_some() {
                    self.broken.services.push((Arc::clone(name), error.clone()));
                }
                self.errors.push(error);
                None
            }
        }
    }

    /// One middleware of this router, as it was if its specification and those of its members are the same.
    fn step(&mut self, name: &Name) -> Option<Arc<Step>> {
        match self.make_step(name, 0) {
            Ok(step) => Some(step),
            Err(error) => {
                let reason = causes(&error);
                if self.with.lookup.middleware(name).is_some() {
                    self.broken.middlewares.push((Arc::clone(name), reason.clone()));
                }
                self.errors.push(reason);
                None
            }
        }
    }

    fn make_step(&mut self, name: &Name, depth: usize) -> Result<Arc<Step>, MiddlewareError> {
        /// Chains of chains: deeper than this is a chain that holds itself.
        const DEEPEST: usize = 32;
        if depth > DEEPEST {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" holds itself")));
        }
        let spec = self.with.lookup.middleware(name).cloned();
        self.dependencies.push(Dependency::Middleware(Arc::clone(name), spec.clone()));
        let Some(spec) = spec else {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" does not exist")));
        };
        let is_chain = matches!(*spec, Middleware::Chain(_));
        let key = (Arc::clone(&self.settled.name), Arc::clone(name));
        let old = self.old_steps.get(&key).filter(|(old, _)| !is_chain && (Arc::ptr_eq(old, &spec) || *old == spec));
        let step = match old {
            Some((_, step)) => Arc::clone(step),
            None => {
                if let Middleware::ForwardAuth(ForwardAuth { tls: Some(tls), .. }) = &*spec {
                    fetch::check(tls).map_err(|error| {
                        MiddlewareError::Invalid(format!("middleware \"{name}\": tls: {}", causes(&error)))
                    })?;
                }
                let of = provider(name).to_owned();
                Arc::new(compile(&spec, name, &mut |member| self.make_step(&qualify(member, &of), depth + 1))?)
            }
        };
        self.steps.push((Arc::clone(name), spec, Arc::clone(&step)));
        Ok(step)
    }
}

/// Which of routers with the same priority comes first: the proxy's own, then custom resources, then Ingresses, as in
/// Traefik, then files.
fn precedence(provider: &str) -> u32 {
    match provider {
        INTERNAL => 0,
        KUBERNETES_CRD => 1,
        KUBERNETES => 2,
        _ => 3,
    }
}

fn ingress(observability: RouterObservability) -> Option<Arc<IngressMetadata>> {
    observability.metadata?.ingress
}

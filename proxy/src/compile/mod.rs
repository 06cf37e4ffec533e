//! From configuration to a snapshot: every decision that can be taken when the configuration changes is taken here.
//!
//! What did not change keeps its identity: rate buckets, balancers, connection pools and metric handles live on. A
//! broken object disables itself, never the configuration. A change costs what it changes: the configurations are
//! compared by identity, and only routers that are made from something that changed are looked at.

mod change;
mod dependents;
mod lookup;
mod placement;
#[cfg(test)]
mod property;
mod report;
mod routers;
mod services;
mod steps;
#[cfg(test)]
mod tests;
mod tls_options;

pub use routers::RecordInternals;

use crate::forward::Tunnels;
use crate::metrics::Metrics;
use crate::router::RouteTable;
use crate::service::Internal;
use crate::snapshot::{EntryPointRoutes, Route, RouteTarget, Snapshot};
use crate::tls::{TlsFinding, TlsInput, TlsState, TlsSubject, check_options};
use change::Change;
use dependents::Dependents;
use flow_model::config::{Certificate, Objects, RuleSyntax, ServersTransport, Source, TlsOptions};
use flow_model::diagnostic::{Diagnostic, Subject};
use flow_model::entry_point::EntryPoint;
use flow_model::name::{Name, qualify};
use flow_model::runtime::Runtime;
use hashbrown::HashSet;
use lookup::{Lookup, ObjectRef};
use placement::Defaults;
use report::Report;
use routers::{BuildContext, RouterInstance, RouterState};
use services::Services;
use std::sync::Arc;
use tls_options::{ByName, Choice, ConflictPolicy, Guard, TlsOptionsRequest, choose};

/// The settings of every compilation of a process.
pub struct Setup {
    /// All entry points.
    pub entry_points: Arc<[Arc<EntryPoint>]>,
    /// The syntax of rules that name none, where one is configured; else it is v3.
    pub rule_syntax: Option<RuleSyntax>,
    /// No router is served whose TLS options conflict with another's (`core.strictTLSOptions`).
    pub strict_tls_options: bool,
    /// The transport of services that name none.
    pub default_transport: ServersTransport,
    /// Counts upgraded connections.
    pub tunnels: Tunnels,
    /// The proxy's own services, by qualified name.
    pub internals: Vec<(Name, Arc<dyn Internal>)>,
    /// The records of requests to those.
    pub record_internals: RecordInternals,
    /// Metrics, if they are on.
    pub metrics: Option<Arc<Metrics>>,
}

/// Compiles one configuration after the other.
pub struct Compiler {
    defaults: Defaults,
    setup: Setup,
    /// The sources that were compiled last.
    sources: Vec<Source>,
    entries: ByName<Box<RouterState>>,
    dependents: Dependents,
    /// Routers that ask for other TLS options than the default ones.
    with_options: Names,
    choice: Choice,
    services: Services,
    report: Report,
    last: Option<Arc<Snapshot>>,
}

type Names = HashSet<Name, foldhash::fast::RandomState>;

/// Routers that were built: their names, and their instances from before.
#[derive(Default)]
struct Built {
    names: Vec<Name>,
    gone: Vec<RouterInstance>,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("routers", &self.entries.len()).finish_non_exhaustive()
    }
}

/// The result of one compilation.
#[derive(Debug)]
pub struct Compiled {
    /// The routes and TLS that requests are served by.
    pub snapshot: Arc<Snapshot>,
    /// The report that the API shows.
    pub runtime: Runtime,
}

impl Compiler {
    /// A compiler that has not compiled anything yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let defaults = Defaults::new(Arc::clone(&setup.entry_points), setup.rule_syntax);
        let services = Services::new(Arc::new(setup.default_transport.clone()), setup.tunnels.clone());
        Self {
            defaults,
            setup,
            sources: Vec::new(),
            entries: ByName::default(),
            dependents: Dependents::default(),
            with_options: Names::default(),
            choice: Choice::default(),
            services,
            report: Report::default(),
            last: None,
        }
    }

    /// Compiles what the providers say at one moment.
    pub fn compile(&mut self, sources: &[Source]) -> Compiled {
        let change = Change::between(&self.sources, sources);
        self.sources = sources.to_vec();
        let lookup = Lookup(sources);
        let built = self.build_routers(&change, lookup);
        let (tls, findings) = self.tls(sources);
        let last = self.last.take();
        self.report.routers(&built.gone, &built.names, &self.entries);
        self.report.certificates(&tls, last.as_ref().map(|last| &*last.tls));
        let runtime = self.report.finish(&change, lookup, &self.entries, findings);
        let entry_points = (0..self.setup.entry_points.len())
            .map(|index| self.routes(index, &built, last.as_ref().map(|last| &last.entry_points[index])))
            .collect();
        let snapshot = Arc::new(Snapshot { entry_points, tls: Arc::new(tls) });
        self.last = Some(Arc::clone(&snapshot));
        Compiled { snapshot, runtime }
    }

    /// Brings `self.entries` up to date.
    fn build_routers(&mut self, change: &Change, lookup: Lookup<'_>) -> Built {
        let mut stale: ByName<Box<RouterState>> = ByName::default();
        let mut doubtful: Names = change.parts.iter().flat_map(|on| self.dependents.of(on)).cloned().collect();
        let mut unused = Vec::new();
        for (name, router) in &change.routers {
            let (name, old) =
                self.entries.remove_entry(name).map_or_else(|| (Arc::clone(name), None), |(n, e)| (n, Some(e)));
            if let Some(router) = router {
                let entry = RouterState::read(router, self.setup.rule_syntax.unwrap_or_default(), old.as_deref());
                if entry.wants_options(&self.defaults) {
                    self.with_options.insert(Arc::clone(&name));
                } else {
                    self.with_options.remove(&name);
                }
                self.entries.insert(Arc::clone(&name), Box::new(entry));
            } else {
                self.with_options.remove(&name);
            }
            doubtful.insert(Arc::clone(&name));
            stale.extend(old.map(|old| (name, old)));
        }
        let options_changed = change.parts.iter().any(|object| matches!(object, ObjectRef::TlsOptions(_)));
        if options_changed || !change.routers.is_empty() {
            doubtful.extend(self.choose(lookup));
        }
        let mut context = BuildContext {
            defaults: &self.defaults,
            lookup,
            services: &mut self.services,
            metrics: self.setup.metrics.as_ref(),
            internals: self.setup.internals.iter().cloned().collect(),
            record_internals: self.setup.record_internals,
            checked_options: ByName::default(),
        };
        let mut built = Built::default();
        for name in doubtful {
            let old = stale.remove(&name);
            let before = old.as_ref().map_or(&[][..], |old| &old.dependencies);
            if let Some(entry) = self.entries.get_mut(&name) {
                let conflicts = self.choice.conflicts.get(&name).map_or(&[][..], Vec::as_slice);
                if entry.holds(conflicts, lookup) {
                    continue;
                }
                let replaced = entry.build(&name, conflicts, old.as_deref(), &mut context);
                let before = if old.is_some() { before } else { &replaced.dependencies };
                unused.extend(self.dependents.replace(&name, before, &entry.dependencies));
                built.gone.extend(replaced.instances);
            } else {
                unused.extend(self.dependents.replace(&name, before, &[]));
            }
            built.gone.extend(old.into_iter().flat_map(|old| old.instances));
            built.names.push(name);
        }
        let unused = unused.iter().filter(|on| self.dependents.of(on).is_empty());
        self.services.sweep(unused.filter_map(|on| if let ObjectRef::Service(name) = on { Some(name) } else { None }));
        built
    }

    /// Chooses among the TLS options that routers ask for. Returns the routers with other conflicts than before.
    fn choose(&mut self, lookup: Lookup<'_>) -> Vec<Name> {
        // If every router has the default options, there is nothing to choose.
        let choice = if self.with_options.is_empty() {
            Choice::default()
        } else {
            let requests =
                self.entries.iter().flat_map(|(name, entry)| entry.tls_options_requests(name, &self.defaults));
            let guard = |name: &str| match lookup.tls_options(name) {
                Some(options) if check_options(options).is_err() => Guard::Unusable,
                Some(options) if options.asks_for_certificates() => Guard::Asks,
                None if name != tls_options::DEFAULT => Guard::Unusable,
                _ => Guard::Open,
            };
            let policy = ConflictPolicy { strict: self.setup.strict_tls_options, guard: &guard };
            choose(&requests.collect::<Vec<TlsOptionsRequest>>(), &policy)
        };
        let before = std::mem::replace(&mut self.choice, choice);
        let now = &self.choice.conflicts;
        let changed = now.iter().filter(|(name, conflicts)| before.conflicts.get(*name) != Some(conflicts));
        let ended = before.conflicts.keys().filter(|name| !now.contains_key(*name));
        changed.map(|(name, _)| name).chain(ended).cloned().collect()
    }

    /// The routes of one entry point, apart for plain and for TLS connections as in Traefik.
    fn routes(&self, index: usize, built: &Built, last: Option<&EntryPointRoutes>) -> EntryPointRoutes {
        let routes = |instances: &mut dyn Iterator<Item = &RouterInstance>, tls: bool| -> Vec<Arc<Route>> {
            let here =
                instances.filter(|instance| instance.tls == tls && instance.placed.placement.indexes.contains(&index));
            here.filter_map(|instance| instance.route.clone()).collect()
        };
        let table = |last: Option<&RouteTable<RouteTarget>>, tls: bool| {
            let gone = routes(&mut built.gone.iter(), tls);
            let new = built.names.iter().filter_map(|name| self.entries.get(name)).flat_map(|entry| &entry.instances);
            let new = routes(&mut { new }, tls);
            last.map_or_else(|| RouteTable::default().with(&gone, &new), |last| last.with(&gone, &new))
        };
        EntryPointRoutes {
            plain: table(last.map(|last| &last.plain), false),
            tls: table(last.map(|last| &last.tls), true),
        }
    }

    fn tls(&self, sources: &[Source]) -> (TlsState, Vec<Diagnostic>) {
        let lookup = Lookup(sources);
        let mut diagnostics = Vec::new();
        let certificates: Vec<Arc<Certificate>> =
            sources.iter().flat_map(|source| source.config.certificates.iter().cloned()).collect();
        let stores: Vec<_> = sources.iter().filter_map(|s| s.config.tls_stores.get(tls_options::DEFAULT)).collect();
        if stores.len() > 1 {
            let message = "more than one provider has a TLS store named default: none of them is used";
            diagnostics.push(Diagnostic::error(Subject::new("TLSStore", "", tls_options::DEFAULT), message));
        }
        let default = match stores.as_slice() {
            [store] => store.default_certificate.as_ref(),
            _ => None,
        };
        let mut options: Objects<TlsOptions> = Objects::default();
        for source in sources {
            for (name, config) in &source.config.tls_options {
                if &**name != tls_options::DEFAULT {
                    options.insert(qualify(name, &source.provider), Arc::clone(config));
                }
            }
        }
        if let Some(default) = lookup.tls_options(tls_options::DEFAULT) {
            options.insert(Name::from(tls_options::DEFAULT), Arc::clone(default));
        }
        let hosts: Vec<_> = (0..self.setup.entry_points.len())
            .map(|index| self.choice.by_host.get(&self.defaults.name(index)).cloned().unwrap_or_default())
            .collect();
        let input = TlsInput { certificates: &certificates, default, options: &options, hosts: &hosts };
        let (state, findings) = TlsState::compile(input, self.last.as_ref().map(|s| &*s.tls));
        diagnostics.extend(findings.into_iter().map(|finding| describe(finding, &certificates)));
        (state, diagnostics)
    }
}

fn describe(finding: TlsFinding, certificates: &[Arc<Certificate>]) -> Diagnostic {
    let subject = match finding.subject {
        TlsSubject::Certificate(index) => {
            let origin = certificates.get(index).map(|c| Arc::clone(&c.origin)).unwrap_or_default();
            Subject::new("certificate", "", origin)
        }
        TlsSubject::DefaultCertificate => Subject::new("certificate", "", "default"),
        TlsSubject::Options(name) => Subject::new("TLSOption", "", name),
    };
    Diagnostic { severity: finding.severity, subject, message: finding.message }
}

//! From configuration to a snapshot: every decision that can be taken when the configuration changes is taken here.
//!
//! What did not change keeps its identity: rate buckets, balancers, connection pools and metric handles live on. A
//! broken object disables itself, never the configuration.

mod lookup;
mod routers;
mod services;
mod settle;
#[cfg(test)]
mod tests;
mod tls_options;

pub use lookup::Source;
pub use routers::RecordInternals;

use crate::forward::Tunnels;
use crate::metrics::Metrics;
use crate::router::RouteTable;
use crate::snapshot::{EntryPointRoutes, Internal, Snapshot};
use crate::tls::{TlsFinding, TlsInput, TlsState, TlsSubject};
use flow_model::config::{Certificate, Objects, RuleSyntax, ServersTransport, TlsOptions};
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use flow_model::entry_point::EntryPoint;
use flow_model::middleware::Middleware;
use flow_model::name::{INTERNAL, Name, qualify};
use flow_model::runtime::{CertificateInfo, MiddlewareInfo, Runtime, ServiceInfo, Status};
use lookup::Lookup;
use routers::{Entry, Workshop};
use services::Services;
use settle::Defaults;
use std::sync::Arc;
use tls_options::{ByName, Choice, Wish, choose};

/// What holds for every compilation of a process.
pub struct Setup {
    /// All entry points.
    pub entry_points: Arc<[Arc<EntryPoint>]>,
    /// The syntax of rules that name none.
    pub rule_syntax: RuleSyntax,
    /// How servers are reached where a service does not say.
    pub default_transport: ServersTransport,
    /// Counts upgraded connections.
    pub tunnels: Tunnels,
    /// The proxy's own services, by qualified name.
    pub internals: Vec<(Name, Arc<dyn Internal>)>,
    /// Whether requests to those are recorded.
    pub record_internals: RecordInternals,
    /// Metrics, if they are on.
    pub metrics: Option<Arc<Metrics>>,
}

/// Compiles one configuration after the other.
pub struct Compiler {
    defaults: Defaults,
    setup: Setup,
    entries: ByName<Entry>,
    services: Services,
    last: Option<Arc<Snapshot>>,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("routers", &self.entries.len()).finish_non_exhaustive()
    }
}

/// What came of one configuration.
#[derive(Debug)]
pub struct Compiled {
    /// What requests see.
    pub snapshot: Arc<Snapshot>,
    /// What operators see.
    pub runtime: Runtime,
}

impl Compiler {
    /// A compiler that has not compiled anything yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let defaults = Defaults::new(Arc::clone(&setup.entry_points), setup.rule_syntax);
        let services = Services::new(Arc::new(setup.default_transport.clone()), setup.tunnels.clone());
        Self { defaults, setup, entries: ByName::default(), services, last: None }
    }

    /// Compiles what the providers say at one moment.
    pub fn compile(&mut self, sources: &[Source]) -> Compiled {
        let lookup = Lookup(sources);
        let choice = self.build_routers(lookup);
        self.services.sweep();
        let (tls, findings) = self.tls(sources, &choice);
        let runtime = self.runtime(sources, &tls, findings);
        let previous = self.last.take();
        let entry_points = (0..self.setup.entry_points.len())
            .map(|place| self.table(place, previous.as_ref().map(|s| &s.entry_points[place])))
            .collect();
        let snapshot = Arc::new(Snapshot { entry_points, tls: Arc::new(tls) });
        self.last = Some(Arc::clone(&snapshot));
        Compiled { snapshot, runtime }
    }

    /// Brings `self.entries` up to date.
    fn build_routers(&mut self, lookup: Lookup<'_>) -> Choice {
        let mut old = std::mem::take(&mut self.entries);
        let mut stale = Vec::new();
        for source in lookup.0 {
            for (name, router) in &source.config.routers {
                let qualified = qualify(name, &source.provider);
                let previous = old.remove(&qualified);
                let entry = match previous {
                    Some(entry) if entry.is_of(router) => entry,
                    previous => {
                        let entry = Entry::read(router, self.setup.rule_syntax, previous.as_ref());
                        stale.extend(previous.map(|p| (Arc::clone(&qualified), p)));
                        entry
                    }
                };
                self.entries.insert(qualified, entry);
            }
        }
        let stale: ByName<Entry> = stale.into_iter().collect();
        let wishes: Vec<Wish> =
            self.entries.iter().flat_map(|(name, entry)| entry.wishes(name, &self.defaults)).collect();
        let choice = choose(&wishes);
        let mut workshop = Workshop {
            defaults: &self.defaults,
            lookup,
            services: &mut self.services,
            metrics: self.setup.metrics.as_deref(),
            internals: self.setup.internals.iter().cloned().collect(),
            record_internals: self.setup.record_internals,
        };
        for (name, entry) in &mut self.entries {
            let conflicted = choice.conflicted.get(name).map_or(&[][..], Vec::as_slice);
            if !entry.holds(conflicted, lookup) {
                entry.build(name, conflicted, stale.get(name), &mut workshop);
            }
        }
        choice
    }

    /// The routes of one entry point, apart for plain and for TLS connections as in Traefik.
    fn table(&self, place: usize, previous: Option<&EntryPointRoutes>) -> EntryPointRoutes {
        let routes = |tls: bool| {
            self.entries.values().flat_map(|entry| &entry.copies).filter_map(move |copy| {
                let here = copy.settled.router.tls.is_some() == tls && copy.settled.entry_points.contains(&place);
                copy.route.as_ref().filter(|_| here).cloned()
            })
        };
        EntryPointRoutes {
            plain: RouteTable::build(routes(false), previous.map(|p| &p.plain)),
            tls: RouteTable::build(routes(true), previous.map(|p| &p.tls)),
        }
    }

    fn tls(&self, sources: &[Source], choice: &Choice) -> (TlsState, Vec<Diagnostic>) {
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
            .map(|place| choice.by_host.get(&self.defaults.name(place)).cloned().unwrap_or_default())
            .collect();
        let input = TlsInput { certificates: &certificates, default, options: &options, hosts: &hosts };
        let (state, findings) = TlsState::compile(input, self.last.as_ref().map(|s| &*s.tls));
        diagnostics.extend(findings.into_iter().map(|finding| describe(finding, &certificates)));
        (state, diagnostics)
    }

    fn runtime(&self, sources: &[Source], tls: &TlsState, findings: Vec<Diagnostic>) -> Runtime {
        let mut runtime = Runtime { diagnostics: findings, ..Runtime::default() };
        let (mut middlewares, mut services) = (ByName::default(), ByName::default());
        for copy in self.entries.values().flat_map(|entry| &entry.copies) {
            runtime.routers.insert(Arc::clone(&copy.settled.name), Arc::clone(&copy.info));
            middlewares.extend(copy.broken_middlewares.iter().cloned());
            services.extend(copy.broken_services.iter().cloned());
            let severity = match copy.info.status {
                Status::Enabled => continue,
                Status::Disabled => Severity::Error,
                Status::Warning => Severity::Warning,
            };
            runtime.diagnostics.extend(copy.info.errors.iter().map(|error| Diagnostic {
                severity,
                subject: Subject::new("router", "", Arc::clone(&copy.settled.name)),
                message: error.clone(),
            }));
        }
        for source in sources.iter().filter(|s| &*s.provider != INTERNAL) {
            runtime.diagnostics.extend(source.config.diagnostics.iter().cloned());
            for (name, middleware) in &source.config.middlewares {
                let name = qualify(name, &source.provider);
                let broken = match &**middleware {
                    Middleware::Invalid(reason) => Some(reason.clone()),
                    _ => middlewares.remove(&name),
                };
                let (status, errors) = became(broken);
                let middleware = Arc::clone(middleware);
                runtime.middlewares.insert(name, Arc::new(MiddlewareInfo { middleware, status, errors }));
            }
            for (name, service) in &source.config.services {
                let name = qualify(name, &source.provider);
                let (status, errors) = became(services.remove(&name));
                runtime.services.insert(name, Arc::new(ServiceInfo { service: Arc::clone(service), status, errors }));
            }
        }
        runtime.diagnostics.sort();
        runtime.diagnostics.dedup();
        runtime.certificates = tls.certificates().map(|(origin, info)| Arc::new(show(origin, info))).collect();
        runtime
    }
}

fn became(error: Option<String>) -> (Status, Vec<String>) {
    match error {
        None => (Status::Enabled, Vec::new()),
        Some(error) => (Status::Disabled, vec![error]),
    }
}

fn show(origin: &Name, info: &crate::tls::CertificateInfo) -> CertificateInfo {
    CertificateInfo {
        origin: Arc::clone(origin),
        names: info.names.iter().map(|name| name.to_string()).collect(),
        common_name: info.common_name.to_string(),
        serial: info.serial.to_string(),
        issuer: info.issuer.to_string(),
        not_before: info.not_before,
        not_after: info.not_after,
    }
}

fn describe(finding: TlsFinding, certificates: &[Arc<Certificate>]) -> Diagnostic {
    let subject = match finding.subject {
        TlsSubject::Certificate(place) => {
            let origin = certificates.get(place).map(|c| Arc::clone(&c.origin)).unwrap_or_default();
            Subject::new("certificate", "", origin)
        }
        TlsSubject::DefaultCertificate => Subject::new("certificate", "", "default"),
        TlsSubject::Options(name) => Subject::new("TLSOption", "", name),
    };
    Diagnostic { severity: finding.severity, subject, message: finding.message }
}

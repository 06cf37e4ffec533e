//! From configuration to a snapshot: every decision that can be taken when the configuration changes is taken here.
//!
//! What did not change keeps its identity: rate buckets, balancers, connection pools and metric handles live on. A
//! broken object disables itself, never the configuration. A change costs what it changes: the configurations are
//! compared by identity, and only routers that are made from something that changed are looked at.

mod change;
mod dependents;
mod entry_points;
mod http;
mod lookup;
mod names;
#[cfg(test)]
mod property;
mod protocol;
mod protocol_compiler;
mod report;
mod router_set;
#[cfg(test)]
mod second_protocol;
mod tables;
#[cfg(test)]
mod tests;
mod tls_state;

pub use http::RecordInternals;

use crate::forward::{OutboundProxies, Tunnels};
use crate::metrics::Metrics;
use crate::service::{HealthTable, Internal};
use crate::snapshot::Snapshot;
use flow_model::config::{RuleSyntax, ServersTransport, Source};
use flow_model::entry_point::EntryPoint;
use flow_model::name::{INTERNAL, Name};
use flow_model::runtime::Runtime;
use http::Http;
use protocol_compiler::ProtocolCompiler;
use std::sync::Arc;
use tokio::runtime::Handle;

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
    /// The proxies on the way to servers.
    pub proxies: Arc<OutboundProxies>,
    /// The proxy's own services, by qualified name.
    pub internals: Vec<(Name, Arc<dyn Internal>)>,
    /// The records of requests to those.
    pub record_internals: RecordInternals,
    /// Metrics, if they are on.
    pub metrics: Option<Arc<Metrics>>,
    /// The runtime on which health checks run; without one there are none, and every server is up.
    pub checks: Option<Handle>,
}

/// Compiles one configuration after the other.
pub struct Compiler {
    http: ProtocolCompiler<Http>,
    runtime: Runtime,
    last: Option<Arc<Snapshot>>,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("routers", &self.http.len()).finish_non_exhaustive()
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
        let health = Arc::new(HealthTable::default());
        if let Some(metrics) = &setup.metrics {
            metrics.watch_servers(&health);
        }
        let http = ProtocolCompiler::new(Http::new(setup, &health));
        Self { http, runtime: Runtime { servers: Some(health), ..Runtime::default() }, last: None }
    }

    /// Compiles what the providers say at one moment.
    pub fn compile(&mut self, sources: &[Source]) -> Compiled {
        let last = self.last.as_deref();
        let entry_points = self.http.protocol().models.entry_points().len();
        let routes = last.map(|last| &*last.entry_points);
        let (entry_points, problems) = self.http.compile(sources, routes, entry_points, &mut self.runtime);
        // After the routers, as these decide about the TLS options of hosts.
        let tls = self.http.protocol().tls_hosts();
        let (tls, mut diagnostics) = tls_state::compile(sources, &tls, last.map(|last| &*last.tls));
        if last.is_none_or(|last| !last.tls.has_certificates_of(&tls)) {
            self.runtime.certificates = tls_state::certificates(&tls);
        }
        self.runtime.default_certificate = tls_state::generated(sources);
        diagnostics.extend(problems);
        diagnostics.extend(self.http.protocol().findings());
        for source in sources.iter().filter(|source| &*source.provider != INTERNAL) {
            diagnostics.extend(source.config.diagnostics.iter().cloned());
        }
        diagnostics.sort();
        diagnostics.dedup();
        self.runtime.diagnostics = diagnostics;
        let snapshot = Arc::new(Snapshot { entry_points, tls: Arc::new(tls) });
        self.last = Some(Arc::clone(&snapshot));
        Compiled { snapshot, runtime: self.runtime.clone() }
    }
}

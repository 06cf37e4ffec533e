//! From news of the providers to what is served: compile, publish, tell.

use super::certificates::{Findings, Resolvers};
use super::sources::Sources;
use super::state::State;
use flow_model::config::Source;
use flow_model::diagnostic::{Diagnostic, Severity};
use flow_model::runtime::{CertificateInfo, Runtime};
use proxy::compile::{Compiled, Compiler};
use proxy::metrics::Metrics;
use proxy::snapshot::Publisher;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The one writer of what is served.
pub(super) struct Reload {
    pub(super) compiler: Compiler,
    pub(super) publisher: Publisher,
    pub(super) state: State,
    pub(super) metrics: Option<Arc<Metrics>>,
    /// Our own routers, which are served before any provider has said something.
    pub(super) own: Source,
    pub(super) sources: Sources,
    /// Certificates that routers ask for by the name of a resolver.
    pub(super) resolvers: Resolvers,
    /// The findings about the certificates of the cluster.
    pub(super) findings: Findings,
    /// The shortest time between two changes, where the operator wants one.
    pub(super) throttle: Duration,
    /// Findings that were logged and are still so, by their marks: thousands may stand for a while.
    pub(super) told: HashSet<u64>,
    /// Makes the marks.
    pub(super) marks: RandomState,
    /// Certificates that the metrics show.
    pub(super) certificates: Arc<[Arc<CertificateInfo>]>,
}

impl Reload {
    /// Serves what the providers say until they are told to stop.
    pub(super) async fn run(mut self) {
        self.state.wait_for(self.sources.waiting_for());
        while self.changed().await {
            // Ten thousand routers take a few milliseconds; the other tasks of this runtime need not wait for that.
            tokio::task::block_in_place(|| self.apply());
            if !self.throttle.is_zero() {
                tokio::time::sleep(self.throttle).await;
            }
        }
        self.sources.ended().await;
    }

    /// Waits for news; false once there can be none. Certificates wait for the first routes.
    async fn changed(&mut self) -> bool {
        let served = self.sources.waiting_for().is_empty();
        tokio::select! {
            changed = self.sources.changed() => changed,
            () = self.resolvers.changed(), if served => true,
            () = self.findings.changed(), if served => true,
        }
    }

    fn apply(&mut self) {
        let _span = tracing::debug_span!("change").entered();
        let begun = Instant::now();
        let known = self.sources.known().into_iter().chain(self.resolvers.source());
        let sources: Vec<Source> = std::iter::once(self.own.clone()).chain(known).collect();
        let Compiled { snapshot, mut runtime } = self.compiler.compile(&sources);
        self.publisher.publish(snapshot);
        tracing::debug!(routers = runtime.routers.len(), elapsed = ?begun.elapsed(), "served");
        self.sources.applied();
        runtime.diagnostics.extend(self.sources.diagnostics().cloned());
        // Before every source is known, certificates would seem to be wanted no longer.
        if self.sources.waiting_for().is_empty() {
            runtime.diagnostics.extend(self.resolvers.declare(&runtime));
        }
        runtime.diagnostics.extend(self.findings.now());
        if let Some(metrics) = &self.metrics {
            tell_metrics(metrics, &runtime);
            if !Arc::ptr_eq(&self.certificates, &runtime.certificates) {
                metrics.certificates(&self.certificates, &runtime.certificates);
                self.certificates = Arc::clone(&runtime.certificates);
            }
        }
        self.log_findings(&runtime);
        self.state.show(Arc::new(runtime));
        self.state.wait_for(self.sources.waiting_for());
    }

    /// Each finding once, until it is gone.
    fn log_findings(&mut self, runtime: &Runtime) {
        let mut now = HashSet::with_capacity(runtime.diagnostics.len());
        for finding in &runtime.diagnostics {
            let mark = self.marks.hash_one(finding);
            if !now.insert(mark) || self.told.contains(&mark) {
                continue;
            }
            let (kind, namespace, name) = (finding.subject.kind, &*finding.subject.namespace, &*finding.subject.name);
            match finding.severity {
                Severity::Error => tracing::error!(kind, namespace, name, "{}", finding.message),
                Severity::Warning => tracing::warn!(kind, namespace, name, "{}", finding.message),
            }
        }
        self.told = now;
    }
}

fn tell_metrics(metrics: &Metrics, runtime: &Runtime) {
    let severity = |finding: &Diagnostic| match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let findings = runtime.diagnostics.iter().map(|finding| (finding.subject.kind, severity(finding)));
    metrics.reloaded(SystemTime::now(), findings);
}

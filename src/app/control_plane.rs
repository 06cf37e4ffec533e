//! The control plane: the sources of configuration, and the issuing of certificates.

use super::Refusal;
use super::certificates::{self, ChallengeResponders, Engines, Findings, Plan, Resolvers};
use super::sources::{self, Issuers, Sources};
use super::state::State;
use crate::settings::Settings;
use flow_acme::engine;
use flow_acme::http01::ChallengeTable;
use flow_model::entry_point::EntryPoint;
use proxy::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The stores of the certificate resolvers, and the responses to challenges; nothing runs yet.
pub(super) struct ControlPlane {
    resolvers: Resolvers,
    table: Arc<ChallengeTable>,
}

/// The origins of everything that is served, running.
pub(super) struct Running {
    pub(super) sources: Sources,
    pub(super) resolvers: Resolvers,
    pub(super) findings: Findings,
}

impl ControlPlane {
    /// Opens the stores of the certificate resolvers.
    ///
    /// # Errors
    /// A storage cannot be used.
    pub(super) fn open(resolvers: Plan) -> Result<Self, Refusal> {
        Ok(Self { resolvers: Resolvers::open(resolvers)?, table: ChallengeTable::new() })
    }

    /// The responses to all challenges.
    pub(super) fn responders(&self) -> ChallengeResponders {
        ChallengeResponders::new(self.resolvers.tables().chain([Arc::clone(&self.table)]))
    }

    /// Starts the sources and the issuing on `background`, until `stop` is cancelled. Where a cluster's certificates are
    /// issued, `state` is ready only once their challenges are answered.
    ///
    /// # Errors
    /// The settings lead to no API server, or the metrics are there already.
    pub(super) fn start(
        mut self,
        settings: &Settings,
        entry_points: &[Arc<EntryPoint>],
        metrics: Option<&Metrics>,
        state: &State,
        background: &Runtime,
        stop: CancellationToken,
    ) -> Result<Running, Refusal> {
        let unseen = prometheus::Registry::new();
        let registry = metrics.map_or(&unseen, Metrics::registry);
        let engines = Engines::new(engine::Metrics::new(registry)?, stop.clone());
        let issuing = certificates::issuing(settings, Arc::clone(&self.table), engines.clone());
        let issuers = Issuers {
            issuing,
            certificates: certificates::options(settings, entry_points),
            resolvers: self.resolvers.options(settings, entry_points),
        };
        let sources = background.block_on(sources::start(settings, issuers, stop))?;
        let _context = background.enter();
        state.answers_challenges(false);
        // A CA must not reach this replica before both can be answered: cert-manager's objects, and those of resolvers.
        let open = Arc::new(AtomicUsize::new(2));
        let answers = || {
            let (open, state) = (Arc::clone(&open), state.clone());
            move || {
                if open.fetch_sub(1, Ordering::AcqRel) == 1 {
                    state.answers_challenges(true);
                }
            }
        };
        self.resolvers.start(settings, &engines, sources.cluster(), answers());
        let findings = match sources.cluster() {
            Some(cluster) => certificates::start(settings, cluster, &self.table, &engines, answers()),
            None => {
                answers()();
                Findings::default()
            }
        };
        Ok(Running { sources, resolvers: self.resolvers, findings })
    }
}

mod certificates;
mod issuers;

use super::calls::Outcome;
use crate::ca::CaError;
use crate::planner::{Call, Proof};
use crate::view::View;
use certificates::Certificates;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use std::sync::Arc;

/// Gauges under cert-manager's names, and counters of our own.
#[derive(Clone, Debug)]
pub struct Metrics {
    shown: Certificates,
    calls: IntCounterVec,
    challenges: IntCounterVec,
    orders: IntCounterVec,
    left_out: IntCounter,
    waiting: IntGauge,
    under_way: IntGauge,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let shown = Certificates::default();
        registry.register(Box::new(shown.clone()))?;
        let left_out = IntCounter::new(
            "flow_proxy_acme_replicas_left_out_total",
            "Challenges for which the CA was asked although a replica did not answer.",
        )?;
        registry.register(Box::new(left_out.clone()))?;
        Ok(Self {
            shown,
            calls: counter(
                "flow_proxy_acme_calls_total",
                "Questions to the CA, to replicas, and keys made, by kind and result.",
                &["call", "result"],
            )?,
            challenges: counter(
                "flow_proxy_acme_challenges_total",
                "Challenges that ended, by method and result.",
                &["method", "result"],
            )?,
            orders: counter(
                "flow_proxy_acme_orders_total",
                "Orders that ended, by result and reason.",
                &["result", "reason"],
            )?,
            left_out,
            waiting: gauge(
                "flow_proxy_acme_certificates_waiting",
                "Certificates that wait for their turn to be ordered.",
            )?,
            under_way: gauge("flow_proxy_acme_orders_under_way", "Orders under way that make progress.")?,
        })
    }

    /// Takes the view whose Certificates are shown.
    pub(super) fn observe(&self, view: &Arc<View>) {
        self.shown.show(view);
    }

    /// Sets the gauges of the line.
    pub(super) fn line(&self, waiting: usize, under_way: usize) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.under_way.set(i64::try_from(under_way).unwrap_or(i64::MAX));
    }

    /// Counts a finished call.
    pub(super) fn count(&self, call: &Call, outcome: &Outcome) {
        let unanswered = matches!(outcome, Outcome::Proved(proved) if matches!(proved.proof, Proof::Unanswered(_)));
        let keyless = matches!(outcome, Outcome::AccountKey(Err(_)) | Outcome::NextKey(_, Err(_)));
        let unsigned = matches!(outcome, Outcome::Signed(Err(_)));
        let result = match error(outcome) {
            Some(error) => error.word(),
            None if unanswered => "unanswered",
            None if keyless => "key",
            None if unsigned => "unsigned",
            None => "ok",
        };
        self.calls.with_label_values(&[call.word(), result]).inc();
        let completion = match outcome {
            Outcome::Completed(completion) => Some(completion),
            Outcome::Proved(proved) => {
                if let Proof::Told { authorization: Ok(authorization), .. } = &proved.proof
                    && authorization.state.is_final()
                {
                    let method = proved.method.to_string();
                    self.challenges.with_label_values(&[&*method, &*authorization.state.to_string()]).inc();
                }
                self.left_out.inc_by(u64::from(proved.left_out.is_some()));
                proved.completion.as_ref()
            }
            Outcome::Opened(opened) => {
                if let Some(Err(error)) = &opened.placed {
                    self.failed(error);
                }
                None
            }
            _ => None,
        };
        match completion.map(|completion| (&completion.state, completion.is_issued())) {
            Some((_, true)) => self.orders.with_label_values(&["issued", ""]).inc(),
            Some((Err((_, error)), _)) => self.failed(error),
            Some((Ok(order), _)) if order.state.is_failure() => {
                let kind = order.error.as_ref().and_then(|problem| problem.kind.rsplit(':').next());
                self.orders.with_label_values(&["failed", kind.unwrap_or("invalid")]).inc();
            }
            _ => {}
        }
    }

    fn failed(&self, error: &CaError) {
        if error.is_final() {
            self.orders.with_label_values(&["failed", error.word()]).inc();
        }
    }
}

/// The CA's error in an outcome.
fn error(outcome: &Outcome) -> Option<&CaError> {
    match outcome {
        Outcome::Completed(completion) => completion.state.as_ref().err().map(|(_, error)| error),
        Outcome::Opened(opened) => {
            let placed = opened.placed.as_ref().and_then(|placed| placed.as_ref().err());
            placed.or_else(|| opened.authorizations.as_ref().err())
        }
        Outcome::Proved(proved) => match &proved.proof {
            Proof::Untold(error) | Proof::Told { authorization: Err(error), .. } => Some(error),
            Proof::Told { .. } | Proof::Unanswered(_) => None,
        },
        Outcome::Registered(_, result) => result.as_ref().err(),
        Outcome::RenewalInfo(result) => result.as_ref().err(),
        Outcome::AccountKey(_) | Outcome::NextKey(..) | Outcome::Signed(_) => None,
    }
}

use super::calls::Outcome;
use crate::objects::{Certificate, ConditionStatus, condition};
use crate::planner::Call;
use crate::view::View;
use jiff::Timestamp;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};
use std::sync::Arc;

const LABELS: [&str; 5] = ["name", "namespace", "issuer_name", "issuer_kind", "issuer_group"];

/// Gauges under cert-manager's names, and counters of our own.
#[derive(Clone, Debug)]
pub struct Metrics {
    ready: GaugeVec,
    expiration: GaugeVec,
    renewal: GaugeVec,
    not_after: GaugeVec,
    not_before: GaugeVec,
    calls: IntCounterVec,
    challenges: IntCounterVec,
    certificates: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, more: &[&str]| -> Result<GaugeVec, prometheus::Error> {
            let labels: Vec<&str> = LABELS.iter().chain(more).copied().collect();
            let gauge = GaugeVec::new(Opts::new(name, help), &labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        Ok(Self {
            ready: gauge(
                "certmanager_certificate_ready_status",
                "The ready status of the certificate.",
                &["condition"],
            )?,
            expiration: gauge(
                "certmanager_certificate_expiration_timestamp_seconds",
                "The timestamp after which the certificate expires, expressed in Unix Epoch Time.",
                &[],
            )?,
            renewal: gauge(
                "certmanager_certificate_renewal_timestamp_seconds",
                "The timestamp after which the certificate should be renewed, expressed in Unix Epoch Time.",
                &[],
            )?,
            not_after: gauge(
                "certmanager_certificate_not_after_timestamp_seconds",
                "The timestamp after which the certificate is invalid, expressed as a Unix Epoch Time.",
                &[],
            )?,
            not_before: gauge(
                "certmanager_certificate_not_before_timestamp_seconds",
                "The timestamp before which the certificate is invalid, expressed as a Unix Epoch Time.",
                &[],
            )?,
            calls: counter(
                "flow_proxy_acme_calls_total",
                "Questions to the CA, to replicas, and keys made, by kind and result.",
                &["call", "result"],
            )?,
            challenges: counter("flow_proxy_acme_challenges_total", "Challenges that ended, by result.", &["result"])?,
            certificates: counter(
                "flow_proxy_acme_orders_total",
                "Orders that ended, by result and reason.",
                &["result", "reason"],
            )?,
        })
    }

    /// Updates the gauges of changed Certificates and removes those of deleted ones.
    pub(super) fn observe(&self, before: Option<&View>, view: &View) {
        let nothing = View::default();
        let before = before.unwrap_or(&nothing);
        for (key, old) in &before.certificates {
            let same_labels = |new: &Arc<Certificate>| new.spec.issuer_ref == old.spec.issuer_ref;
            if !view.certificates.get(key).is_some_and(same_labels) {
                self.forget(old);
            }
        }
        for (key, certificate) in &view.certificates {
            if !before.certificates.get(key).is_some_and(|old| Arc::ptr_eq(old, certificate)) {
                self.show(certificate);
            }
        }
    }

    fn forget(&self, certificate: &Certificate) {
        let labels = labels(certificate);
        let [name, namespace, issuer, kind, group] = labels;
        for word in ["True", "False", "Unknown"] {
            let _ = self.ready.remove_label_values(&[name, namespace, issuer, kind, group, word]);
        }
        for gauge in [&self.expiration, &self.renewal, &self.not_after, &self.not_before] {
            let _ = gauge.remove_label_values(&labels);
        }
    }

    fn show(&self, certificate: &Certificate) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of this epoch are exact in an f64")]
        let seconds = |at: Option<Timestamp>| at.map_or(0.0, |at| at.as_second() as f64);
        let labels = labels(certificate);
        let [name, namespace, issuer, kind, group] = labels;
        let status = &certificate.status;
        let ready = condition(&status.conditions, "Ready").map_or(ConditionStatus::Unknown, |c| c.status);
        for (word, value) in
            [("True", ConditionStatus::True), ("False", ConditionStatus::False), ("Unknown", ConditionStatus::Unknown)]
        {
            let gauge = self.ready.with_label_values(&[name, namespace, issuer, kind, group, word]);
            gauge.set(f64::from(u8::from(ready == value)));
        }
        self.expiration.with_label_values(&labels).set(seconds(status.not_after));
        self.not_after.with_label_values(&labels).set(seconds(status.not_after));
        self.not_before.with_label_values(&labels).set(seconds(status.not_before));
        self.renewal.with_label_values(&labels).set(seconds(status.renewal_time));
    }

    /// Counts a finished call.
    pub(super) fn count(&self, call: &Call, outcome: &Outcome) {
        let error = match outcome {
            Outcome::Accepted(Err(error))
            | Outcome::Authorizations(Err(error))
            | Outcome::Checked(Err(error))
            | Outcome::Downloaded(Err(error))
            | Outcome::Finalized(Err(error))
            | Outcome::Opened(Err(error))
            | Outcome::Refreshed(Err(error))
            | Outcome::Registered(_, Err(error))
            | Outcome::RenewalInfo(Err(error)) => Some(error),
            _ => None,
        };
        let unanswered = matches!(outcome, Outcome::Probed(Err(_)));
        let keyless = matches!(outcome, Outcome::AccountKey(Err(_)) | Outcome::NextKey(_, Err(_)));
        let result = match error {
            Some(error) => error.word(),
            None if unanswered => "unanswered",
            None if keyless => "key",
            None => "ok",
        };
        self.calls.with_label_values(&[call.word(), result]).inc();
        match outcome {
            Outcome::Checked(Ok(authorization)) if authorization.state.is_final() => {
                self.challenges.with_label_values(&[&*authorization.state.to_string()]).inc();
            }
            Outcome::Downloaded(Ok(_)) => self.certificates.with_label_values(&["issued", ""]).inc(),
            Outcome::Opened(Err(error)) | Outcome::Finalized(Err(error)) if error.is_final() => {
                self.certificates.with_label_values(&["failed", error.word()]).inc();
            }
            Outcome::Refreshed(Ok(state)) if state.state.is_failure() => {
                let kind = state.error.as_ref().and_then(|problem| problem.kind.rsplit(':').next());
                self.certificates.with_label_values(&["failed", kind.unwrap_or("invalid")]).inc();
            }
            _ => {}
        }
    }
}

fn labels(certificate: &Certificate) -> [&str; 5] {
    let reference = &certificate.spec.issuer_ref;
    let meta = &certificate.metadata;
    [&meta.name, &meta.namespace, &reference.name, reference.kind(), reference.group()]
}

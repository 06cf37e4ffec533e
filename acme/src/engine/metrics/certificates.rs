use super::issuers;
use crate::objects::{Certificate, ConditionStatus, condition};
use crate::view::View;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};
use std::sync::Arc;

const LABELS: [&str; 5] = ["name", "namespace", "issuer_name", "issuer_kind", "issuer_group"];
const READY: &str = "certmanager_certificate_ready_status";
/// The gauges of times, with their help.
const TIMES: [(&str, &str); 4] = [
    (
        "certmanager_certificate_expiration_timestamp_seconds",
        "The timestamp after which the certificate expires, expressed in Unix Epoch Time.",
    ),
    (
        "certmanager_certificate_renewal_timestamp_seconds",
        "The timestamp after which the certificate should be renewed, expressed in Unix Epoch Time.",
    ),
    (
        "certmanager_certificate_not_after_timestamp_seconds",
        "The timestamp after which the certificate is invalid, expressed as a Unix Epoch Time.",
    ),
    (
        "certmanager_certificate_not_before_timestamp_seconds",
        "The timestamp before which the certificate is invalid, expressed as a Unix Epoch Time.",
    ),
];

/// The gauges of all Certificates under cert-manager's names, and of issuers that must wait, made when they are asked for: nothing is kept for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    view: Arc<ArcSwap<View>>,
}

impl Certificates {
    /// Takes the view that is shown from now on.
    pub(super) fn show(&self, view: &Arc<View>) {
        self.view.store(Arc::clone(view));
    }
}

/// Empty gauges: `Ready`, and the times.
fn gauges() -> Result<(GaugeVec, Vec<GaugeVec>), prometheus::Error> {
    let labels: Vec<&str> = LABELS.iter().chain(&["condition"]).copied().collect();
    let ready = GaugeVec::new(Opts::new(READY, "The ready status of the certificate."), &labels)?;
    let times = TIMES.iter().map(|(name, help)| GaugeVec::new(Opts::new(*name, *help), &LABELS));
    Ok((ready, times.collect::<Result<_, _>>()?))
}

fn add(certificate: &Certificate, ready: &GaugeVec, times: &[GaugeVec]) {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this epoch are exact in an f64")]
    let seconds = |at: Option<Timestamp>| at.map_or(0.0, |at| at.as_second() as f64);
    let reference = &certificate.spec.issuer_ref;
    let (meta, status) = (&certificate.metadata, &certificate.status);
    let labels = [&meta.name, &meta.namespace, &reference.name, reference.kind(), reference.group()];
    let is = condition(&status.conditions, "Ready").map_or(ConditionStatus::Unknown, |c| c.status);
    for (word, value) in
        [("True", ConditionStatus::True), ("False", ConditionStatus::False), ("Unknown", ConditionStatus::Unknown)]
    {
        let [name, namespace, issuer, kind, group] = labels;
        let gauge = ready.with_label_values(&[name, namespace, issuer, kind, group, word]);
        gauge.set(f64::from(u8::from(is == value)));
    }
    let values = [status.not_after, status.renewal_time, status.not_after, status.not_before];
    for (gauge, value) in times.iter().zip(values) {
        gauge.with_label_values(&labels).set(seconds(value));
    }
}

impl Collector for Certificates {
    fn desc(&self) -> Vec<&Desc> {
        // The names are checked when the families are gathered.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok((ready, times)) = gauges() else { return Vec::new() };
        let view = self.view.load();
        for certificate in view.certificates.values() {
            add(certificate, &ready, &times);
        }
        let of_certificates = std::iter::once(&ready).chain(&times).flat_map(Collector::collect);
        of_certificates.chain(issuers::held(&view)).collect()
    }
}

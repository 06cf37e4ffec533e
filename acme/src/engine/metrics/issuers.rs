use crate::planner::held_until;
use crate::view::View;
use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};

const LABELS: [&str; 2] = ["name", "namespace"];

/// Returns the gauge of the issuers whose account has reached a limit of the CA; a ClusterIssuer has no namespace.
pub(super) fn held(view: &View) -> Vec<MetricFamily> {
    let about = Opts::new(
        "flow_proxy_acme_orders_held_until_timestamp_seconds",
        "The time of the next try of an issuer whose account has reached a limit of the CA, in Unix Epoch Time.",
    );
    let Ok(gauge) = GaugeVec::new(about, &LABELS) else { return Vec::new() };
    for issuer in view.issuers.values() {
        if let Some(until) = held_until(issuer) {
            #[expect(clippy::cast_precision_loss, reason = "seconds of this epoch are exact in an f64")]
            let seconds = until.as_second() as f64;
            gauge.with_label_values(&[&issuer.metadata.name, &issuer.metadata.namespace]).set(seconds);
        }
    }
    gauge.collect()
}

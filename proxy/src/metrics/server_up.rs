//! `traefik_service_server_up`, read from the states of servers when somebody asks.

use crate::service::HealthTable;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};
use std::sync::Arc;

/// The states of the servers that are checked.
pub(super) struct ServerUp {
    health: Arc<HealthTable>,
    /// Without values: it describes the metric.
    described: GaugeVec,
}

fn gauges() -> prometheus::Result<GaugeVec> {
    let text = "service server is up, described by gauge value of 0 or 1.";
    GaugeVec::new(Opts::new("traefik_service_server_up", text), &["service", "url"])
}

impl ServerUp {
    pub(super) fn new(health: &Arc<HealthTable>) -> prometheus::Result<Self> {
        Ok(Self { health: Arc::clone(health), described: gauges()? })
    }
}

impl Collector for ServerUp {
    fn desc(&self) -> Vec<&Desc> {
        self.described.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let services = self.health.all();
        let (false, Ok(gauges)) = (services.is_empty(), gauges()) else { return Vec::new() };
        for (service, servers) in services {
            for (url, is_up) in servers {
                gauges.with_label_values(&[&*service, &url]).set(f64::from(u8::from(is_up)));
            }
        }
        gauges.collect()
    }
}

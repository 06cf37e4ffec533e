//! Prometheus metrics under Traefik's names and labels.
//!
//! On the path of a request there is no look-up by label text: a route in use holds the [`Series`] of its router and
//! service, and a series finds its counters by status, method and protocol in a small map that is replaced when it
//! grows.

mod headers;
mod protocol;
mod route;
mod series;
mod server_up;
#[cfg(test)]
mod tests;

pub(crate) use headers::HeaderLabels;
pub use protocol::{Protocol, method_label};
pub(crate) use route::{Counted, RouteSeries};
pub use series::{Sample, Series};

use crate::service::HealthTable;
use flow_middleware::rate_limit::redis::unanswered;
use flow_model::name::Name;
use flow_model::runtime::CertificateInfo;
use http::HeaderName;
use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntGaugeVec, Opts, Registry, TextEncoder};
use series::Family;
use server_up::ServerUp;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

/// The metrics to expose (`metrics.prometheus`).
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Upper bounds of the duration histograms, in seconds.
    pub buckets: Vec<f64>,
    /// Series by entry point.
    pub entry_points: bool,
    /// Series by router.
    pub routers: bool,
    /// Series by service.
    pub services: bool,
    /// Additional labels of the request counters: their names, and the request headers with their values.
    pub header_labels: Vec<(String, HeaderName)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            buckets: vec![0.1, 0.3, 1.2, 5.0],
            entry_points: true,
            routers: false,
            services: true,
            header_labels: Vec::new(),
        }
    }
}

/// Returns the number of open connections of one entry point; called when metrics are read.
pub type OpenConnections = Box<dyn Fn() -> u64 + Send + Sync>;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    entry_points: Option<Family>,
    routers: Option<Family>,
    services: Option<Family>,
    /// `None` if no labels come from headers.
    header_labels: Option<Arc<HeaderLabels>>,
    reloads: IntCounter,
    last_reload: prometheus::Gauge,
    certificates: GaugeVec,
    diagnostics: IntGaugeVec,
    /// The label values that `diagnostics` currently has.
    shown_findings: Mutex<BTreeSet<(&'static str, &'static str)>>,
    open_connections: IntGaugeVec,
    /// Requests whose rate limit got no answer from its Redis.
    unanswered: IntCounter,
    connections: Mutex<Vec<(Name, OpenConnections)>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// The metrics of a process.
    ///
    /// # Errors
    /// If a bucket list or a name is invalid for Prometheus.
    pub fn new(options: &Options) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let header_labels: Vec<&str> = options.header_labels.iter().map(|(label, _)| label.as_str()).collect();
        let headers = options.header_labels.iter().map(|(_, header)| header.clone());
        let family = |wanted: bool, prefix, labels: &[&'static str]| {
            wanted.then(|| Family::new(&registry, prefix, labels, &header_labels, &options.buckets)).transpose()
        };
        let metrics = Self {
            entry_points: family(options.entry_points, "entrypoint", &["entrypoint"])?,
            routers: family(options.routers, "router", &["router", "service"])?,
            services: family(options.services, "service", &["service"])?,
            header_labels: (!header_labels.is_empty()).then(|| Arc::new(HeaderLabels::new(headers))),
            reloads: IntCounter::new("traefik_config_reloads_total", "Config reloads")?,
            last_reload: prometheus::Gauge::new("traefik_config_last_reload_success", "Last config reload success")?,
            certificates: GaugeVec::new(
                Opts::new("traefik_tls_certs_not_after", "Certificate expiration timestamp"),
                &["cn", "serial", "sans"],
            )?,
            diagnostics: IntGaugeVec::new(
                Opts::new(
                    "flow_proxy_diagnostics",
                    "Findings about configuration objects that are not served as written",
                ),
                &["kind", "severity"],
            )?,
            open_connections: IntGaugeVec::new(
                Opts::new("traefik_open_connections", "How many open connections exist, by entryPoint and protocol"),
                &["entrypoint", "protocol"],
            )?,
            unanswered: IntCounter::new(
                "flow_proxy_rate_limit_redis_unanswered_total",
                "Requests whose rate limit got no answer from its Redis",
            )?,
            shown_findings: Mutex::default(),
            connections: Mutex::default(),
            registry,
        };
        let collectors: [Box<dyn Collector>; 6] = [
            Box::new(metrics.reloads.clone()),
            Box::new(metrics.last_reload.clone()),
            Box::new(metrics.certificates.clone()),
            Box::new(metrics.diagnostics.clone()),
            Box::new(metrics.open_connections.clone()),
            Box::new(metrics.unanswered.clone()),
        ];
        for collector in collectors {
            metrics.registry.register(collector)?;
        }
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// The registry, for metrics of other parts of the process.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The reader of labels that come from headers, if there are any.
    pub(crate) fn header_labels(&self) -> Option<&Arc<HeaderLabels>> {
        self.header_labels.as_ref()
    }

    /// The series of an entry point; `None` if they are switched off.
    #[must_use]
    pub fn entry_point(&self, name: &str) -> Option<Arc<Series>> {
        self.entry_points.as_ref().map(|family| family.series(&[name.into()]))
    }

    /// The series of a router; `None` if they are switched off.
    #[must_use]
    pub fn router(&self, name: impl Into<Name>, service: impl Into<Name>) -> Option<Arc<Series>> {
        self.routers.as_ref().map(|family| family.series(&[name.into(), service.into()]))
    }

    /// The series of a service; `None` if they are switched off.
    #[must_use]
    pub fn service(&self, name: impl Into<Name>) -> Option<Arc<Series>> {
        self.services.as_ref().map(|family| family.series(&[name.into()]))
    }

    /// True if requests of the router, or of the service, are being counted.
    fn is_counted(&self, router: &Name, service: &Name) -> bool {
        let contains =
            |family: &Option<Family>, names: &[Name]| family.as_ref().is_some_and(|family| family.contains(names));
        contains(&self.routers, &[Arc::clone(router), Arc::clone(service)])
            || contains(&self.services, &[Arc::clone(service)])
    }

    /// Exposes the open connections of an entry point from now on.
    pub fn watch_connections(&self, entry_point: Name, open: OpenConnections) {
        self.connections.lock().push((entry_point, open));
    }

    /// Exposes the states of servers that are checked from now on, if services have series.
    pub(crate) fn watch_servers(&self, health: &Arc<HealthTable>) {
        if self.services.is_some()
            && let Err(error) = ServerUp::new(health).and_then(|servers| self.registry.register(Box::new(servers)))
        {
            tracing::error!(%error, "the states of servers are not among the metrics");
        }
    }

    /// Called when a configuration has come into force at `now`, with the kind and severity of each finding.
    pub fn reloaded(&self, now: SystemTime, findings: impl IntoIterator<Item = (&'static str, &'static str)>) {
        self.reloads.inc();
        self.last_reload.set(now.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64().floor()));
        let mut counts: BTreeMap<_, i64> = BTreeMap::new();
        for finding in findings {
            *counts.entry(finding).or_default() += 1;
        }
        // Nothing is reset: a concurrent reader of the metrics must not find them missing.
        let mut shown = self.shown_findings.lock();
        for (kind, severity) in shown.iter().filter(|finding| !counts.contains_key(*finding)) {
            let _ = self.diagnostics.remove_label_values(&[kind, severity]);
        }
        for ((kind, severity), count) in &counts {
            self.diagnostics.with_label_values(&[kind, severity]).set(*count);
        }
        *shown = counts.into_keys().collect();
    }

    /// Replaces the certificates that were served until now by the new ones.
    pub fn certificates(&self, before: &[Arc<CertificateInfo>], now: &[Arc<CertificateInfo>]) {
        let labels = |info: &CertificateInfo| [info.common_name.clone(), info.serial.clone(), info.names.join(",")];
        let served: HashSet<*const CertificateInfo> = now.iter().map(Arc::as_ptr).collect();
        let known: HashSet<*const CertificateInfo> = before.iter().map(Arc::as_ptr).collect();
        let mut gone: HashSet<[String; 3]> =
            before.iter().filter(|info| !served.contains(&Arc::as_ptr(info))).map(|info| labels(info)).collect();
        if !gone.is_empty() {
            // Another certificate could have the same labels.
            let serials: HashSet<String> = gone.iter().map(|[_, serial, _]| serial.clone()).collect();
            let alike = now.iter().filter(|info| serials.contains(&info.serial));
            for info in alike {
                gone.remove(&labels(info));
            }
        }
        for [common_name, serial, names] in gone {
            let _ = self.certificates.remove_label_values(&[&*common_name, &serial, &names]);
        }
        for info in now.iter().filter(|info| !known.contains(&Arc::as_ptr(info))) {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
            let not_after = info.not_after as f64;
            self.certificates.with_label_values(&labels(info)).set(not_after);
        }
    }

    /// Everything in Prometheus' text format. Series of removed objects are shown one last time.
    ///
    /// # Errors
    /// If a collector returns something that cannot be written.
    pub fn render(&self) -> prometheus::Result<String> {
        {
            let connections = self.connections.lock();
            for (entry_point, open) in connections.iter() {
                let open = i64::try_from(open()).unwrap_or(i64::MAX);
                self.open_connections.with_label_values(&[entry_point, "TCP"]).set(open);
            }
            // Below the lock, so that two readers do not add the same.
            self.unanswered.inc_by(unanswered().saturating_sub(self.unanswered.get()));
        }
        let text = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        for family in [&self.entry_points, &self.routers, &self.services].into_iter().flatten() {
            family.drop_vanished();
        }
        Ok(text)
    }
}

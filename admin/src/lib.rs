//! The operator's side: API, dashboard, metrics, health.
//!
//! [`Admin::answer`] is a function of the request and of what [`Source`] tells; who listens is not decided here.

mod answer;
mod api;
mod dashboard;
mod health;
#[cfg(test)]
mod tests;

pub use health::Readiness;

use bytes::Bytes;
use flow_model::runtime::Runtime;
use http::{Method, Response, StatusCode, request};
use serde_json::Value;
use std::sync::Arc;

/// What is told about the running process.
pub trait Source: Send + Sync + 'static {
    /// What is served at this moment.
    fn runtime(&self) -> Arc<Runtime>;

    /// Metrics in Prometheus' text format; `None` where they are off.
    fn metrics(&self) -> Option<String>;

    /// Whether every source has synced and its routes are served.
    fn readiness(&self) -> Readiness;

    /// The process has been told to stop.
    fn is_stopping(&self) -> bool;
}

/// What is shown and never changes while the process runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The path below which API and dashboard are, without a slash at its end; empty for the root.
    pub base_path: String,
    /// The dashboard's title; empty for the product's name.
    pub dashboard_name: String,
    /// Entry points in Traefik's form, by name.
    pub entry_points: serde_json::Map<String, Value>,
    /// Providers in Traefik's spelling, such as `KubernetesIngress`.
    pub providers: Vec<&'static str>,
    /// Metrics are on.
    pub metrics: bool,
    /// The access log is on.
    pub access_log: bool,
    /// This program's version.
    pub version: &'static str,
    /// When the process started, RFC 3339.
    pub started: String,
    /// Status of `/ping` while the process is stopping.
    pub terminating_status: u16,
}

/// The parts that can be asked for, each behind a router of its own (`api@internal` and so on).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// `/api/…`
    Api,
    /// `/dashboard/…`
    Dashboard,
    /// `/metrics`
    Metrics,
    /// `/ping`
    Ping,
    /// `/ready`
    Ready,
}

/// Answers operators.
pub struct Admin<S> {
    facts: Facts,
    source: S,
}

impl<S> std::fmt::Debug for Admin<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl<S: Source> Admin<S> {
    /// Answers from `facts` and `source`.
    #[must_use]
    pub fn new(facts: Facts, source: S) -> Self {
        Self { facts, source }
    }

    /// The answer to a request that was routed to `part`. Only GET and HEAD are known.
    #[must_use]
    pub fn answer(&self, part: Part, head: &request::Parts) -> Response<Bytes> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return answer::message(StatusCode::METHOD_NOT_ALLOWED, "this is read-only: use GET");
        }
        match part {
            Part::Api => api::answer(&self.facts, &self.source, &head.uri),
            Part::Dashboard => dashboard::answer(&self.facts, head.uri.path()),
            Part::Metrics => match self.source.metrics() {
                Some(text) => answer::text("text/plain; version=0.0.4; charset=utf-8", text.into()),
                None => answer::message(StatusCode::NOT_FOUND, "metrics are off: start with --metrics.prometheus"),
            },
            Part::Ping => health::ping(self.source.is_stopping(), self.facts.terminating_status),
            Part::Ready => health::ready(&self.source.readiness(), self.source.is_stopping()),
        }
    }
}

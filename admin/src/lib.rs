//! The operator's interface: API, dashboard, metrics, health.
//!
//! ```text
//!   request ──▶ Admin::respond(Source) ──▶ /api, /dashboard, /metrics, /ping, /ready, /health
//! ```
//!
//! [`Admin::respond`] is a function from a request and a [`Source`] to a response; it opens no port.

mod api;
mod dashboard;
mod health;
mod response;
#[cfg(test)]
mod tests;

pub use health::Readiness;

use bytes::Bytes;
use flow_model::runtime::Runtime;
use http::{Method, Response, StatusCode, request};
use serde_json::Value;
use std::sync::Arc;

/// The state of the running process.
pub trait Source: Send + Sync + 'static {
    /// The routers, services and middlewares that are served now.
    fn runtime(&self) -> Arc<Runtime>;

    /// Metrics in Prometheus' text format; `None` if they are off.
    fn metrics(&self) -> Option<String>;

    /// The state of readiness.
    fn readiness(&self) -> Readiness;

    /// True if the process has been told to stop.
    fn is_stopping(&self) -> bool;
}

/// Facts that do not change while the process runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The path of API and dashboard, without a slash at its end; empty for the root.
    pub base_path: String,
    /// The dashboard's title; empty for the product's name.
    pub dashboard_name: String,
    /// Entry points in Traefik's form, by name.
    pub entry_points: serde_json::Map<String, Value>,
    /// Providers in Traefik's spelling, such as `KubernetesIngress`.
    pub providers: Vec<&'static str>,
    /// True if metrics are on.
    pub metrics: bool,
    /// True if the access log is on.
    pub access_log: bool,
    /// This program's version.
    pub version: &'static str,
    /// The start of the process, as in RFC 3339.
    pub started: String,
    /// The status of `/ping` while the process is stopping.
    pub terminating_status: u16,
}

/// The parts, each an internal service of its own (`api@internal` and so on).
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

/// The operator's interface over a source.
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
    /// An interface that shows `facts` and `source`.
    #[must_use]
    pub fn new(facts: Facts, source: S) -> Self {
        Self { facts, source }
    }

    /// The response to a request that was routed to `part`. Only GET and HEAD are allowed.
    #[must_use]
    pub fn respond(&self, part: Part, head: &request::Parts) -> Response<Bytes> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return response::message(StatusCode::METHOD_NOT_ALLOWED, "this is read-only: use GET");
        }
        match part {
            Part::Api => api::respond(&self.facts, &self.source, &head.uri),
            Part::Dashboard => dashboard::respond(&self.facts, head.uri.path()),
            Part::Metrics => match self.source.metrics() {
                Some(text) => response::text("text/plain; version=0.0.4; charset=utf-8", text.into()),
                None => response::message(StatusCode::NOT_FOUND, "metrics are off: start with --metrics.prometheus"),
            },
            Part::Ping => health::ping(self.source.is_stopping(), self.facts.terminating_status),
            Part::Ready => health::ready(&self.source.readiness(), self.source.is_stopping()),
        }
    }
}

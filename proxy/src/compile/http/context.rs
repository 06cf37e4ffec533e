//! The parts that routers of HTTP are built with during one change.

use super::placement::Models;
use super::router_tree::Place;
use super::services::Services;
use super::tls_options::Choice;
use crate::compile::lookup::Lookup;
use crate::compile::names::ByName;
use crate::metrics::Metrics;
use crate::service::Internal;
use std::sync::Arc;

/// The parts of a compilation that routers are built with.
pub(in crate::compile) struct BuildContext<'a> {
    /// The models of the entry points.
    pub(super) models: &'a Models,
    /// The choice among the TLS options that routers ask for.
    pub(super) choice: &'a Choice,
    /// The places of routers that are below or above others.
    pub(super) places: &'a ByName<Arc<Place>>,
    /// All providers.
    pub(super) lookup: Lookup<'a>,
    /// The services in use.
    pub(super) services: &'a mut Services,
    /// Metrics, if they are on.
    pub(super) metrics: Option<&'a Arc<Metrics>>,
    /// The proxy's own services, by qualified name.
    pub(super) internals: &'a ByName<Arc<dyn Internal>>,
    /// Requests to those are neither counted nor logged unless this says so.
    pub(super) record_internals: RecordInternals,
    /// TLS options that were checked, with the reason where they cannot be used: many routers name the same.
    pub(super) checked_options: ByName<Result<(), String>>,
}

/// The records of requests to the proxy's own services (`addInternals`). Default: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordInternals {
    /// In the access log.
    pub access_log: bool,
    /// In the metrics.
    pub metrics: bool,
}

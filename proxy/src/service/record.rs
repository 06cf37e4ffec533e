//! The record of a request's way to a backend.

use crate::forward::{Endpoint, Tunnel};
use crate::metrics::{Counted, RouteSeries};
use flow_model::name::Name;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Instant;

/// The labels of a router below another one.
#[derive(Debug)]
pub struct InnerRouter {
    /// Its qualified name.
    pub(crate) name: Name,
    /// Its service's qualified name; empty if there are routers below it.
    pub(crate) service: Name,
    /// True if the proxy itself responds.
    pub(crate) internal: bool,
    /// Set if its requests go to the metrics.
    pub(crate) series: Option<RouteSeries>,
}

impl InnerRouter {
    /// The labels that its requests are counted under.
    pub(crate) fn counted(&self) -> Counted<'_> {
        Counted { router: &self.name, service: &self.service, internal: self.internal }
    }
}

/// The facts of a request's way to a backend, for the access log and metrics. Updated along the way, so that they are
/// complete even if the client goes away in between.
#[derive(Clone, Debug, Default)]
pub struct UpstreamRecord {
    /// The load balancer that was reached in the end.
    pub service: Option<Name>,
    /// The server that was chosen last.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The time when the head of the response came.
    pub responded: Option<Instant>,
    /// The backend's status.
    pub status: Option<StatusCode>,
    /// Length of the backend's response, if it announced one.
    pub bytes: Option<u64>,
    /// Set before, if the headers are wanted.
    pub keep_headers: bool,
    /// Headers of the backend's response, if they are wanted.
    pub headers: Option<Box<HeaderMap>>,
    /// The servers that were tried in vain: a later try goes elsewhere, if there is another.
    pub failed: Vec<Arc<Endpoint>>,
    /// The number of times the request was sent or a connection was tried: more than one after a retry.
    pub attempts: u32,
    /// The routers below the first one that took the request, the outer ones first.
    pub inner: Vec<Arc<InnerRouter>>,
    /// Set if the server has switched to another protocol.
    pub tunnel: Option<Arc<Tunnel>>,
}

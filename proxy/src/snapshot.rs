//! The configuration in effect at one moment: one immutable value, read by every request, swapped as a whole.

use crate::metrics::{Counted, RouteSeries};
use crate::router::{RequestView, RouteTable};
use crate::service::Pipeline;
use crate::tls::TlsState;
use arc_swap::ArcSwap;
use flow_model::config::IngressMetadata;
use flow_model::name::Name;
use std::sync::Arc;

/// The configuration in effect.
#[derive(Debug)]
pub struct Snapshot {
    /// By index of the entry points.
    pub(crate) entry_points: Box<[EntryPointRoutes]>,
    pub(crate) tls: Arc<TlsState>,
}

/// The routes of one entry point, in tables of type `T`.
#[derive(Debug)]
pub(crate) struct EntryPointRoutes<T = RouteTable<RouteTarget>> {
    pub(crate) plain: T,
    pub(crate) tls: T,
}

impl Snapshot {
    /// The route of a request that came in at the entry point of this index.
    pub(crate) fn route(&self, entry_point: usize, tls: bool, request: &RequestView<'_>) -> Option<&Arc<Route>> {
        let routes = self.entry_points.get(entry_point)?;
        if tls { routes.tls.find(request) } else { routes.plain.find(request) }
    }
}

/// A rule and what it leads to.
pub(crate) type Route = crate::router::Route<RouteTarget>;

/// The target of a router: its middlewares and its service, ready to serve.
#[derive(Debug)]
pub(crate) struct RouteTarget {
    /// The service's qualified name.
    pub(crate) service: Name,
    pub(crate) pipeline: Pipeline,
    /// The TLS options that a connection must have been made with; empty for plain connections.
    pub(crate) tls_options: Name,
    /// True if requests go to the access log.
    pub(crate) log: bool,
    /// Set if requests go to the metrics.
    pub(crate) series: Option<RouteSeries>,
    pub(crate) ingress: Option<Arc<IngressMetadata>>,
}

impl Route {
    /// The labels that its requests are counted under.
    pub(crate) fn counted(&self) -> Counted<'_> {
        let target = &self.target;
        Counted { router: &self.name, service: &target.service, internal: target.pipeline.is_internal() }
    }
}

/// The side that swaps snapshots; there is one.
#[derive(Debug)]
pub struct Publisher(Arc<ArcSwap<Snapshot>>);

/// The side that reads the current snapshot; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader(Arc<ArcSwap<Snapshot>>);

/// The two sides of a holder for the current snapshot, which is `first` to begin with.
#[must_use]
pub fn live(first: Arc<Snapshot>) -> (Publisher, Reader) {
    let current = Arc::new(ArcSwap::new(first));
    (Publisher(Arc::clone(&current)), Reader(current))
}

impl Publisher {
    /// Makes `snapshot` the current one.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.0.store(snapshot);
    }
}

impl Reader {
    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.0.load()
    }
}

impl crate::tls::TlsSource for Reader {
    fn load(&self) -> Arc<TlsState> {
        Arc::clone(&self.0.load().tls)
    }
}

//! The routes of each entry point, apart for plain and for TLS connections as in Traefik.

use super::protocol::{Instance, Protocol, Route, Table};
use super::router_set::{Rebuilt, RouterSet};
use crate::snapshot::EntryPointRoutes;
use std::sync::Arc;

/// The routes of the entry point of this index after a change. `last` are those from before.
pub(super) fn update<P: Protocol>(
    entry_point: usize,
    routers: &RouterSet<P>,
    rebuilt: &Rebuilt<P>,
    last: Option<&EntryPointRoutes<P::Table>>,
) -> EntryPointRoutes<P::Table> {
    let table = |last: Option<&P::Table>, tls: bool| {
        let gone = routes(rebuilt.gone.iter(), entry_point, tls);
        let new = routes(routers.instances(&rebuilt.names), entry_point, tls);
        last.map_or_else(|| P::Table::default().with(&gone, &new), |last| last.with(&gone, &new))
    };
    EntryPointRoutes { plain: table(last.map(|last| &last.plain), false), tls: table(last.map(|last| &last.tls), true) }
}

fn routes<'a, P: Protocol + 'a>(
    instances: impl Iterator<Item = &'a Instance<P>>,
    entry_point: usize,
    tls: bool,
) -> Vec<Arc<Route<P>>> {
    let here = instances.filter(|instance| instance.tls == tls && instance.entry_points.contains(&entry_point));
    here.filter_map(|instance| instance.route.clone()).collect()
}

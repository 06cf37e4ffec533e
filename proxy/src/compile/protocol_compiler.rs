//! Compiles the objects of one protocol, from one configuration to the next.

use super::lookup::Lookup;
use super::protocol::Protocol;
use super::report::Report;
use super::router_set::RouterSet;
use super::{change, tables};
use crate::snapshot::EntryPointRoutes;
use flow_model::config::Source;
use flow_model::diagnostic::Diagnostic;

/// The routers of one protocol, and the sources that they were compiled from last.
pub(super) struct ProtocolCompiler<P: Protocol> {
    sources: Vec<Source<P::Config>>,
    routers: RouterSet<P>,
    report: Report,
}

/// The routes of a protocol by index of the entry points.
pub(super) type Routes<P> = Box<[EntryPointRoutes<<P as Protocol>::Table>]>;

impl<P: Protocol> ProtocolCompiler<P> {
    /// A compiler that has not compiled anything yet.
    pub(super) fn new(protocol: P) -> Self {
        Self { sources: Vec::new(), routers: RouterSet::new(protocol), report: Report::default() }
    }

    /// The parts that the routers share.
    pub(super) fn protocol(&self) -> &P {
        &self.routers.protocol
    }

    /// The number of routers.
    pub(super) fn len(&self) -> usize {
        self.routers.len()
    }

    /// Compiles `sources`. `last` are the routes of the sources before, and `listing` is the report on these, which is
    /// brought up to date. Returns the routes of `entry_points` entry points, and the problems of all routers.
    pub(super) fn compile(
        &mut self,
        sources: &[Source<P::Config>],
        last: Option<&[EntryPointRoutes<P::Table>]>,
        entry_points: usize,
        listing: &mut P::Listing,
    ) -> (Routes<P>, Vec<Diagnostic>) {
        let change = change::between::<P>(&self.sources, sources);
        self.sources = sources.to_vec();
        let lookup = Lookup(sources);
        let rebuilt = self.routers.update(&change, lookup);
        let diagnostics = self.report.update(listing, &self.routers, &rebuilt, &change, lookup);
        let last = |entry_point: usize| last.and_then(|last| last.get(entry_point));
        let routes = (0..entry_points).map(|index| tables::update(index, &self.routers, &rebuilt, last(index)));
        (routes.collect(), diagnostics)
    }
}

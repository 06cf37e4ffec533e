//! The parts of a service that are rare: they run another service as a whole, or follow a request to its end. What they
//! need is boxed, so that the common request pays nothing for it.

use super::failover::Failover;
use super::mirroring::{Chosen, Mirroring};
use super::pipeline::BoxFuture;
use super::tracked::Tracked;
use super::{Pipeline, UpstreamRecord};
use flow_middleware::{Body, Exchange, RequestContext, ServeError};
use flow_model::name::Name;
use http::Response;

/// A rare part of a service.
pub(super) enum Nested<'a> {
    /// A service with another in its place.
    Failover(&'a Failover),
    /// A service with mirrors, and those of them that get the request.
    Mirroring(&'a Mirroring, Chosen),
    /// A service that has middlewares of its own.
    Pipeline(&'a Pipeline),
    /// A load balancer that knows the state of its servers, by the name of its service.
    Tracked(&'a Name, &'a Tracked),
}

impl Nested<'_> {
    /// Handles one request. Boxed, as services may be nested at any depth.
    pub(super) fn serve<'b>(
        &'b self,
        exchange: Exchange,
        context: &'b mut RequestContext<'_>,
        record: &'b mut UpstreamRecord,
    ) -> BoxFuture<'b, Result<Response<Body>, ServeError>> {
        match self {
            Self::Failover(failover) => Box::pin(failover.serve(exchange, context, record)),
            Self::Mirroring(mirroring, chosen) => Box::pin(mirroring.serve(chosen, exchange, context, record)),
            Self::Pipeline(pipeline) => pipeline.serve_boxed(exchange, context, record),
            Self::Tracked(name, tracked) => Box::pin(tracked.serve(name, exchange, context, record)),
        }
    }
}

//! The parts of a service that run another service as a whole: they see its response, or send a request more than once.

use super::failover::Failover;
use super::mirroring::{Chosen, Mirroring};
use super::pipeline::BoxFuture;
use super::{Pipeline, UpstreamRecord};
use flow_middleware::{Body, Exchange, RequestContext, ServeError};
use http::Response;

/// A part of a service that runs another service as a whole.
pub(super) enum Nested<'a> {
    /// A service with another in its place.
    Failover(&'a Failover),
    /// A service with mirrors, and those of them that get the request.
    Mirroring(&'a Mirroring, Chosen),
    /// A service that has middlewares of its own.
    Pipeline(&'a Pipeline),
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
        }
    }
}

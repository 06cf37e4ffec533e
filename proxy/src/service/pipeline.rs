//! The way of a request after its router: middlewares, and the service behind them.
//!
//! A chain is run in two phases by one loop. Where a middleware runs what follows it as a whole, the chain is cut when it
//! is compiled: what follows is a pipeline of its own, which that middleware runs through [`Next`].

use super::record::InnerRouter;
use super::{Service, UpstreamRecord};
use crate::respond::{Failure, respond};
use crate::router::RequestView;
use flow_middleware::{Around, Body, Chain, Cut, Exchange, Next, RequestContext, ServeError};
use http::Response;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;

/// Middlewares, and what stands behind them.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) chain: Chain,
    end: End,
}

/// The last stage of a pipeline, which makes the response.
pub enum End {
    /// A middleware that runs the pipeline behind it.
    Around(Arc<dyn Around>, Box<Pipeline>),
    /// The proxy itself.
    Internal(Arc<dyn Internal>),
    /// Routers below the one whose pipeline this is.
    Routers(Arc<dyn InnerRouters>),
    /// Backends.
    Service(Arc<Service>),
}

/// The routers below another one.
pub trait InnerRouters: fmt::Debug + Send + Sync {
    /// The labels and the pipeline of the router that takes a request.
    fn find(&self, request: &RequestView<'_>) -> Option<(&Arc<InnerRouter>, &Pipeline)>;
}

/// An internal service, such as the API.
#[async_trait::async_trait]
pub trait Internal: Send + Sync {
    /// Handles one request.
    async fn respond(&self, exchange: Exchange) -> Response<Body>;
}

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Pipeline {
    /// A pipeline of `chain` before `end`, cut where the chain has a middleware around a part of it.
    #[must_use]
    pub fn new(chain: Chain, end: End) -> Self {
        let (mut chain, mut end) = (chain, end);
        loop {
            match chain.cut() {
                Cut::Nowhere(chain) => return Self { chain, end },
                Cut::At { before, around, after } => {
                    end = End::Around(around, Box::new(Self { chain: after, end }));
                    chain = before;
                }
            }
        }
    }

    /// True if the proxy itself responds at its end.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        match &self.end {
            End::Around(_, rest) => rest.is_internal(),
            End::Internal(_) => true,
            End::Routers(_) | End::Service(_) => false,
        }
    }

    /// The routers below the one whose pipeline this is.
    #[cfg(test)]
    pub(crate) fn routers(&self) -> Option<&dyn InnerRouters> {
        match &self.end {
            End::Routers(routers) => Some(&**routers),
            _ => None,
        }
    }

    /// Runs the middlewares, the end, and the middlewares again.
    ///
    /// # Errors
    /// [`ServeError`] if there is no response and no middleware of two phases stands before the end, which would need
    /// one.
    pub(crate) async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        upstream: &mut UpstreamRecord,
    ) -> Result<Response<Body>, ServeError> {
        let passed = if self.chain.is_empty() {
            None
        } else {
            match self.chain.on_request(exchange, context).await {
                ControlFlow::Continue(passed) => Some(passed),
                ControlFlow::Break(early) => return Ok(self.chain.on_response(early.passed, early.response).await),
            }
        };
        let served = match &self.end {
            End::Internal(internal) => Ok(internal.respond(exchange.take()).await),
            End::Service(service) => {
                // Pinned here: it is large, and awaiting it directly would move it.
                let forwarding = pin!(service.forward(exchange.take(), context, upstream));
                forwarding.await
            }
            End::Routers(routers) => {
                let found = routers.find(&RequestView::of(&exchange.head, exchange.connection.remote.ip()));
                match found {
                    None => Ok(respond(&Failure::NoRoute)),
                    Some((labels, pipeline)) => {
                        upstream.inner.push(Arc::clone(labels));
                        pipeline.serve_boxed(exchange.take(), context, upstream).await
                    }
                }
            }
            End::Around(around, rest) => {
                let mut rest = Rest { encoded: context.encoded, pipeline: rest, upstream };
                around.serve(exchange, context, &mut rest).await
            }
        };
        match passed {
            None => served,
            Some(passed) => {
                let response = served.unwrap_or_else(|error| respond(&Failure::Serve(error)));
                Ok(self.chain.on_response(passed, response).await)
            }
        }
    }

    /// The same as a boxed future, for services within services.
    pub(super) fn serve_boxed<'a>(
        &'a self,
        mut exchange: Exchange,
        context: &'a mut RequestContext<'_>,
        upstream: &'a mut UpstreamRecord,
    ) -> BoxFuture<'a, Result<Response<Body>, ServeError>> {
        Box::pin(async move { self.serve(&mut exchange, context, upstream).await })
    }
}

/// The pipeline behind a middleware, for one request.
struct Rest<'a> {
    pipeline: &'a Pipeline,
    upstream: &'a mut UpstreamRecord,
    /// The value in the context at this place.
    encoded: bool,
}

#[async_trait::async_trait]
impl Next for Rest<'_> {
    async fn serve(
        &mut self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> Result<Response<Body>, ServeError> {
        context.encoded = self.encoded;
        self.pipeline.serve(exchange, context, self.upstream).await
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Around(around, rest) => f.debug_tuple("Around").field(around).field(rest).finish(),
            Self::Internal(_) => f.write_str("Internal"),
            Self::Routers(routers) => f.debug_tuple("Routers").field(routers).finish(),
            Self::Service(service) => f.debug_tuple("Service").field(service).finish(),
        }
    }
}

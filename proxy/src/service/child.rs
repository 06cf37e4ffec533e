//! A service as others use it: with its own middlewares.

use super::pipeline::BoxFuture;
use super::{End, Pipeline, Service, UpstreamRecord};
use async_trait::async_trait;
use flow_middleware::{Body, Chain, Exchange, RequestContext, ServeError};
use http::Response;
use std::sync::Arc;

/// A service with its own middlewares, as another service or a middleware uses it.
#[derive(Debug)]
pub struct Child {
    service: Arc<Service>,
    /// The middlewares before the service; `None` if there are none.
    pipeline: Option<Pipeline>,
}

impl Child {
    /// `service` behind `chain`.
    #[must_use]
    pub fn new(service: Arc<Service>, chain: Chain) -> Self {
        let pipeline = (!chain.is_empty()).then(|| Pipeline::new(chain, End::Service(Arc::clone(&service))));
        Self { service, pipeline }
    }

    /// The service itself.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Handles one request; `record` is about the load balancer at its end.
    pub(super) fn serve_recorded<'a>(
        &'a self,
        exchange: Exchange,
        context: &'a mut RequestContext<'_>,
        record: &'a mut UpstreamRecord,
    ) -> BoxFuture<'a, Result<Response<Body>, ServeError>> {
        match &self.pipeline {
            Some(pipeline) => pipeline.serve_boxed(exchange, context, record),
            None => Box::pin(self.service.forward(exchange, context, record)),
        }
    }

    pub(super) fn pipeline(&self) -> Option<&Pipeline> {
        self.pipeline.as_ref()
    }
}

#[async_trait]
impl flow_middleware::Service for Child {
    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> Result<Response<Body>, ServeError> {
        // The record of the exchange is about the service at the end of the chain.
        let mut upstream = UpstreamRecord::default();
        match &self.pipeline {
            Some(pipeline) => pipeline.serve(exchange, context, &mut upstream).await,
            None => self.service.forward(exchange.take(), context, &mut upstream).await,
        }
    }
}

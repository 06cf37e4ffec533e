//! A service, and another in its place while it fails.

use super::buffered::{self, Buffered};
use super::{Child, Resolve, ServiceError, UpstreamRecord, silent};
use crate::forward::ForwardError;
use flow_middleware::response::http_error;
use flow_middleware::{Body, Exchange, RequestContext, ServeError, Statuses};
use flow_model::config::Failover as Config;
use http::{Response, StatusCode};
use std::sync::Arc;

/// A compiled service with another in its place while it fails.
#[derive(Debug)]
pub(super) struct Failover {
    main: Arc<Child>,
    fallback: Arc<Child>,
    /// The responses on which the fallback is asked.
    statuses: Statuses,
    /// The length of the longest body that is kept for the fallback.
    max_body: u64,
}

impl Failover {
    pub(super) fn compile(config: &Config, resolve: &mut dyn Resolve) -> Result<Self, ServiceError> {
        let errors = config.errors.as_ref();
        let statuses = Statuses::new(errors.map_or(&[], |errors| &errors.status))
            .map_err(|error| ServiceError::Statuses(error.to_string()))?;
        let main = resolve.child(&config.service)?;
        if statuses.is_empty() {
            return Err(ServiceError::NoHealth(config.service.clone()));
        }
        Ok(Self {
            main,
            fallback: resolve.child(&config.fallback)?,
            statuses,
            max_body: buffered::limit(errors.and_then(|errors| errors.max_request_body_bytes)),
        })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        [&self.main, &self.fallback].into_iter()
    }

    pub(super) async fn serve(
        &self,
        mut exchange: Exchange,
        context: &mut RequestContext<'_>,
        record: &mut UpstreamRecord,
    ) -> Result<Response<Body>, ServeError> {
        let body = match buffered::read(std::mem::take(&mut exchange.body), self.max_body).await {
            Ok(Buffered::Whole(body)) => body,
            Ok(Buffered::TooLong(_)) => {
                return Ok(http_error(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"));
            }
            Err(error) => return Err(ForwardError::Unread(error).into()),
        };
        let (encoded, head) = (context.encoded, exchange.head.clone());
        let again = Exchange { head, body: Body::from(body.clone()), connection: Arc::clone(&exchange.connection) };
        exchange.body = Body::from(body);
        // Interim responses announce the final one, which may be the fallback's.
        exchange.connection = silent(&exchange.connection);
        let served = self.main.serve_recorded(exchange, context, record).await;
        let status = match &served {
            Ok(response) => response.status().as_u16(),
            Err(error) => error.failure.kind.status(),
        };
        if !StatusCode::from_u16(status).is_ok_and(|status| self.statuses.contains(status)) {
            return served;
        }
        tracing::debug!(router = &**context.router, status, "the service failed: asking the fallback");
        drop(served);
        context.encoded = encoded;
        self.fallback.serve_recorded(again, context, record).await
    }
}

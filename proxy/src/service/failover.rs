//! A service, and another in its place while it fails.

use super::buffered::{self, Buffered};
use super::{Child, Resolve, ServiceError, UpstreamRecord};
use crate::forward::ForwardError;
use flow_middleware::response::http_error;
use flow_middleware::{Body, Exchange, RequestContext, ServeError, Statuses, status_of};
use flow_model::config::Failover as Config;
use http::{Response, StatusCode};
use std::sync::Arc;
use std::time::Instant;

/// A compiled service with another in its place while it fails.
#[derive(Debug)]
pub(super) struct Failover {
    main: Arc<Child>,
    fallback: Arc<Child>,
    /// The responses on which the fallback is asked.
    statuses: Statuses,
    /// The length of the longest body that is kept for the fallback.
    max_body: u64,
    tells_health: bool,
}

/// The way of a request.
pub(super) enum Way<'a> {
    /// To this service, whose response is final.
    Through(&'a Child),
    /// Through [`Failover::serve`].
    Watched,
}

impl Failover {
    pub(super) fn compile(config: &Config, resolve: &mut dyn Resolve) -> Result<Self, ServiceError> {
        let errors = config.errors.as_ref();
        let statuses = Statuses::new(errors.map_or(&[], |errors| &errors.status))
            .map_err(|error| ServiceError::Statuses(error.to_string()))?;
        let tells_health = config.health_check.is_some();
        // Either its health or its responses tell that the fallback is to be asked.
        let main = resolve.part(&config.service, tells_health || statuses.is_empty())?;
        Ok(Self {
            main,
            fallback: resolve.part(&config.fallback, tells_health)?,
            tells_health,
            statuses,
            max_body: buffered::limit(errors.and_then(|errors| errors.max_request_body_bytes)),
        })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Child>> {
        [&self.main, &self.fallback].into_iter()
    }

    /// True if it tells others of its state.
    pub(super) fn tells_health(&self) -> bool {
        self.tells_health
    }

    /// The way of a request at `now`.
    pub(super) fn way(&self, now: Instant) -> Way<'_> {
        if self.main.service().is_up(now) {
            if self.statuses.is_empty() { Way::Through(&self.main) } else { Way::Watched }
        } else if self.fallback.service().is_up(now) {
            Way::Through(&self.fallback)
        } else {
            Way::Watched
        }
    }

    /// Asks the service, and then perhaps the fallback; or none, if both are down.
    pub(super) async fn serve(
        &self,
        mut exchange: Exchange,
        context: &mut RequestContext<'_>,
        record: &mut UpstreamRecord,
    ) -> Result<Response<Body>, ServeError> {
        let now = Instant::now();
        if !self.main.service().is_up(now) && !self.fallback.service().is_up(now) {
            return Ok(http_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        }
        let body = match buffered::read(std::mem::take(&mut exchange.body), self.max_body).await {
            Ok(Buffered::Whole(body)) => body,
            Ok(Buffered::TooLong(_)) => {
                return Ok(http_error(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"));
            }
            Err(error) => return Err(ForwardError::Unread(error).into()),
        };
        let (encoded, head) = (context.encoded, exchange.head.clone());
        let connection = Arc::clone(&exchange.connection);
        // Interim responses announce the final one, which may be the fallback's.
        let interim = exchange.interim.take();
        let again = Exchange { head, body: Body::from(body.clone()), connection, interim };
        exchange.body = Body::from(body);
        let served = self.main.serve_recorded(exchange, context, record).await;
        let status = status_of(&served);
        if !self.statuses.contains(status) {
            return served;
        }
        tracing::debug!(
            router = &**context.router,
            status = status.as_u16(),
            "the service failed: asking the fallback"
        );
        drop(served);
        context.encoded = encoded;
        if !self.fallback.service().is_up(Instant::now()) {
            return Ok(http_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        }
        self.fallback.serve_recorded(again, context, record).await
    }
}

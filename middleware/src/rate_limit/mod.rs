//! Limits the rate of requests by a token bucket for each source (`rateLimit`), in memory or in Redis.

mod bucket;
pub mod redis;
mod store;
#[cfg(test)]
mod tests;

use crate::flow::Flow;
use crate::source::Criterion;
use crate::{Exchange, MiddlewareError, response};
pub(crate) use bucket::Decision;
use bucket::Rate;
use flow_model::duration::GoDuration;
use flow_model::middleware as spec;
use flow_model::name::Name;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
pub(crate) use redis::Answer;
use redis::{Question, Shared};
use std::time::Duration;
use store::Store;
use tokio::time::Instant;

const RETRY_IN: HeaderName = HeaderName::from_static("x-retry-in");

/// Limits the rate of requests.
#[derive(Debug)]
pub struct RateLimit {
    criterion: Criterion,
    /// `None` means no limit.
    limit: Option<(Rate, Store)>,
    /// The buckets that count before those in memory.
    shared: Option<Box<Shared>>,
    /// The origin of time stamps, which are in nanoseconds.
    start: Instant,
}

impl RateLimit {
    pub(crate) fn new(spec: &spec::RateLimit, name: &Name) -> Result<Self, MiddlewareError> {
        let criterion = Criterion::new(spec.source_criterion.as_ref())?;
        let rate = Rate::new(spec.average, spec.period.into(), spec.burst);
        let shared = spec.redis.as_ref().map(|redis| Shared::new(redis, name)).transpose()?.map(Box::new);
        Ok(Self { criterion, limit: rate.map(|rate| (rate, Store::default())), shared, start: Instant::now() })
    }

    /// Applies the decision: lets the request pass, delays it or refuses it.
    pub(crate) async fn on_request(&self, decision: Decision) -> Flow {
        match decision {
            Decision::Pass => Flow::Pass,
            Decision::Unknown => {
                let error = response::http_error(StatusCode::INTERNAL_SERVER_ERROR, "Could not insert/update bucket");
                Flow::respond(error)
            }
            Decision::Refuse(delay) => Flow::respond(refusal(delay)),
            Decision::Wait(delay) => {
                // Boxed: few requests wait, and every one would carry the timer's size.
                Box::pin(tokio::time::sleep(delay)).await;
                Flow::Pass
            }
        }
    }

    /// The question to Redis about the request, if the buckets are there.
    pub(crate) fn question(&self, exchange: &Exchange) -> Option<Question<'_>> {
        let (shared, (rate, _)) = (self.shared.as_ref()?, self.limit.as_ref()?);
        Some(shared.question(*rate, &self.criterion.source(exchange).to_string()))
    }

    /// Takes a token for the request. Separate from the delay, since an exchange must not be borrowed across an await.
    pub(crate) fn take(&self, exchange: &Exchange) -> Decision {
        let Some((rate, store)) = &self.limit else { return Decision::Pass };
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        store.take(rate, self.criterion.source(exchange), now)
    }
}

fn refusal(delay: Duration) -> Response<crate::Body> {
    let mut response = response::status_text(StatusCode::TOO_MANY_REQUESTS);
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    if let Ok(delay) = HeaderValue::try_from(GoDuration(delay).to_string()) {
        response.headers_mut().insert(RETRY_IN, delay);
    }
    response
}

//! Stops asking a service that fails (`circuitBreaker`).

pub(crate) mod measures;
mod state;

pub use crate::middleware_error::ExpressionError;

use crate::body::Holding;
use crate::expression::Condition;
use crate::{Around, Body, Exchange, MiddlewareError, Next, RequestContext, ServeError, response, status_of};
use async_trait::async_trait;
use flow_model::middleware as spec;
use flow_model::name::Name;
use http::{Response, StatusCode};
use http_body::Body as _;
use measures::{Measure, Measures};
use parking_lot::Mutex;
use state::{Admission, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Stops asking a service that fails. It is one breaker for each router that uses it.
#[derive(Debug)]
pub struct CircuitBreaker(Arc<Breaker>);

#[derive(Debug)]
struct Breaker {
    condition: Condition<Measure>,
    check_period: Duration,
    fallback: Duration,
    recovery: Duration,
    status: StatusCode,
    /// The origin of times.
    start: Instant,
    changing: Mutex<Changing>,
}

#[derive(Debug)]
struct Changing {
    state: State,
    measures: Measures,
    next_check: Duration,
}

impl CircuitBreaker {
    pub(crate) fn new(spec: &spec::CircuitBreaker) -> Result<Self, MiddlewareError> {
        let condition = Condition::parse(&spec.expression)?;
        let status = StatusCode::from_u16(spec.response_code);
        let measures = Measures::new(condition.has(|measure| matches!(measure, Measure::LatencyAtQuantileMs(_))));
        Ok(Self(Arc::new(Breaker {
            condition,
            check_period: spec.check_period.into(),
            fallback: spec.fallback_duration.into(),
            recovery: spec.recovery_duration.into(),
            status: status.map_err(|_| MiddlewareError::Status(spec.response_code))?,
            start: Instant::now(),
            changing: Mutex::new(Changing { state: State::StandBy, measures, next_check: Duration::ZERO }),
        })))
    }
}

impl Breaker {
    fn admit(&self, now: Duration) -> Admission {
        self.changing.lock().state.admit(now, self.recovery)
    }

    /// Notes a response, and trips if the condition holds.
    fn record(&self, status: u16, latency: Duration, now: Duration, router: &str) {
        let mut changing = self.changing.lock();
        let Changing { state, measures, next_check } = &mut *changing;
        measures.record(status, latency, now);
        if now < *next_check {
            return;
        }
        *next_check = now + self.check_period;
        if matches!(state, State::Tripped { .. }) || !self.condition.holds(&mut |measure| measures.value(*measure, now))
        {
            return;
        }
        *state = State::Tripped { until: now + self.fallback };
        measures.reset();
        tracing::warn!(router, "a circuit breaker tripped");
    }
}

#[async_trait]
impl Around for CircuitBreaker {
    fn kind(&self) -> &'static str {
        "circuitBreaker"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        let begun = self.0.start.elapsed();
        if self.0.admit(begun) == Admission::Denied {
            return Ok(response::status_text(self.0.status));
        }
        let served = next.serve(exchange, context).await;
        let status = status_of(&served).as_u16();
        let measured = Measured { breaker: Arc::clone(&self.0), status, begun, router: Name::clone(context.router) };
        served.map(|response| {
            if response.body().is_end_stream() {
                return response;
            }
            response.map(|body| Body::boxed(Holding::new(body, measured)))
        })
    }
}

/// A request that is recorded when it is dropped: its latency is that of the whole response.
struct Measured {
    breaker: Arc<Breaker>,
    status: u16,
    begun: Duration,
    router: Name,
}

impl Drop for Measured {
    fn drop(&mut self) {
        let now = self.breaker.start.elapsed();
        self.breaker.record(self.status, now.saturating_sub(self.begun), now, &self.router);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{NoFetch, ROUTER, exchange, text};
    use crate::{FailureKind, ForwardedFor, ServeFailure};
    use bytes::Bytes;

    /// A service whose next response is given.
    struct Service(Option<u16>);

    #[async_trait]
    impl Next for Service {
        async fn serve(&mut self, _: &mut Exchange, _: &mut RequestContext<'_>) -> Result<Response<Body>, ServeError> {
            match self.0 {
                Some(status) => Ok(response::status_text(StatusCode::from_u16(status).unwrap())),
                None => {
                    let failure = ServeFailure { kind: FailureKind::Unreachable, sent: false };
                    Err(ServeError::new(failure, "refused"))
                }
            }
        }
    }

    fn breaker(spec: &str) -> Result<CircuitBreaker, MiddlewareError> {
        CircuitBreaker::new(&serde_json::from_str(spec).unwrap())
    }

    /// The status and the text that a client gets.
    async fn ask(breaker: &CircuitBreaker, service: Option<u16>) -> (u16, Bytes) {
        let mut user = None;
        let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
        match breaker.serve(&mut exchange("GET", "/"), &mut context, &mut Service(service)).await {
            Ok(response) => (response.status().as_u16(), text(response).await),
            Err(error) => (error.failure.kind.status().as_u16(), Bytes::new()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_trips_stays_so_and_recovers() {
        let breaker =
            breaker(r#"{"expression": "NetworkErrorRatio() > 0.5 || ResponseCodeRatio(500, 600, 0, 600) > 0.9"}"#);
        let breaker = breaker.unwrap();
        assert_eq!(ask(&breaker, Some(200)).await.0, 200);
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(ask(&breaker, None).await.0, 502, "one half is not more than one half");
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(ask(&breaker, None).await.0, 502);
        assert_eq!(ask(&breaker, Some(200)).await, (503, Bytes::from("Service Unavailable")));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(ask(&breaker, Some(200)).await.0, 503);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(ask(&breaker, Some(200)).await.0, 503, "it recovers, from nothing");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(ask(&breaker, Some(200)).await.0, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn it_looks_at_most_once_a_period_and_says_what_it_is_told_to() {
        let spec =
            r#"{"expression": "ResponseCodeRatio(500, 600, 0, 600) > 0.4", "checkPeriod": "10s", "responseCode": 429}"#;
        let breaker = breaker(spec).unwrap();
        assert_eq!(ask(&breaker, Some(200)).await.0, 200);
        for _ in 0..5 {
            assert_eq!(ask(&breaker, Some(500)).await.0, 500, "not looked at again yet");
        }
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(ask(&breaker, Some(500)).await.0, 500);
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert_eq!(ask(&breaker, Some(500)).await.0, 500);
        assert_eq!(ask(&breaker, Some(200)).await, (429, Bytes::from("Too Many Requests")));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in [r#"{}"#, r#"{"expression": "Nonsense() > 1"}"#] {
            assert!(matches!(breaker(wrong), Err(MiddlewareError::Expression(_))), "{wrong}");
        }
        let status = r#"{"expression": "NetworkErrorRatio() > 0.5", "responseCode": 42}"#;
        assert!(matches!(breaker(status), Err(MiddlewareError::Status(42))));
    }
}

//! Sends a request again if it fails (`retry`).
//!
//! Nothing is sent twice that a server may have acted on, but for methods that may be repeated (RFC 9110 section 9.2.2)
//! or where the configuration says so. Traefik does not repeat any request of which a part was sent; here one whose
//! method may be repeated, and whose body was kept, is tried elsewhere.

use crate::status::Statuses;
use crate::{
    Around, Body, Exchange, FailureKind, MiddlewareError, Next, Replay, RequestContext, ServeError, ServeFailure,
    status_of,
};
use async_trait::async_trait;
use flow_model::middleware as spec;
use http::Response;
use std::time::Duration;
use tokio::time::Instant;

/// Sends a request again if it fails.
#[derive(Debug)]
pub struct Retry {
    attempts: u32,
    /// No try begins later; `None` is no limit.
    timeout: Option<Duration>,
    initial_interval: Duration,
    max_body: u64,
    statuses: Statuses,
    on_network_error: bool,
    any_method: bool,
}

impl Retry {
    pub(crate) fn new(spec: &spec::Retry) -> Result<Self, MiddlewareError> {
        if spec.attempts == 0 {
            return Err(MiddlewareError::Missing { field: "attempts" });
        }
        let timeout = Duration::from(spec.timeout);
        Ok(Self {
            attempts: spec.attempts,
            timeout: (!timeout.is_zero()).then_some(timeout),
            initial_interval: spec.initial_interval.into(),
            max_body: u64::try_from(spec.max_request_body_bytes).unwrap_or(u64::MAX),
            statuses: Statuses::new(&spec.status)?,
            on_network_error: !spec.disable_retry_on_network_error,
            any_method: spec.retry_non_idempotent_method,
        })
    }

    /// True if the outcome of a request asks for another try. `repeatable`: a server may get it twice.
    fn is_failure(&self, served: &Result<Response<Body>, ServeError>, repeatable: bool) -> bool {
        let failure = match served {
            Ok(response) => ServeFailure::of(response),
            Err(error) => Some(error.failure),
        };
        let network = failure.is_some_and(|failure| match failure.kind {
            FailureKind::TimedOut => !failure.sent,
            FailureKind::Unreachable => !failure.sent || repeatable,
            // Another try would not help, or is the client's to make.
            FailureKind::ClientGone
            | FailureKind::ClientPaused
            | FailureKind::Internal
            | FailureKind::Malformed
            | FailureKind::NoServer => false,
        });
        (self.on_network_error && network) || (repeatable && self.statuses.contains(status_of(served)))
    }

    /// The pause after so many tries: exponential up to twice the first, give or take half of it (Traefik's back-off).
    fn pause(&self, tries: u32, random: f64) -> Duration {
        if self.attempts < 2 {
            return Duration::ZERO;
        }
        let growth = 2_f64.powf(f64::from(tries.saturating_sub(1)) / f64::from(self.attempts - 1));
        self.initial_interval.mul_f64(growth * (0.5 + random))
    }
}

#[async_trait]
impl Around for Retry {
    fn kind(&self) -> &'static str {
        "retry"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        if self.attempts == 1 {
            return next.serve(exchange, context).await;
        }
        let begun = Instant::now();
        let head = exchange.head.clone();
        let repeatable = self.any_method || !matches!(head.method.as_str(), "POST" | "PATCH" | "LOCK" | "CONNECT");
        let replay = Replay::new(std::mem::take(&mut exchange.body), self.max_body);
        let mut tries = 0;
        exchange.body = replay.body().unwrap_or_default();
        loop {
            let served = next.serve(exchange, context).await;
            tries += 1;
            let is_late = self.timeout.is_some_and(|timeout| begun.elapsed() >= timeout);
            if tries >= self.attempts || is_late || !self.is_failure(&served, repeatable) {
                return served;
            }
            // The body of a request that failed is dropped by then, unless a response came before its end.
            let Some(body) = replay.body() else { return served };
            tracing::debug!(tries, "trying again");
            drop(served);
            let pause = self.pause(tries, fastrand::f64());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            (exchange.head, exchange.body) = (head.clone(), body);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::ForwardedFor;
    use crate::testing::{NoFetch, ROUTER, exchange, ok};
    use bytes::Bytes;
    use http::{Method, StatusCode};
    use http_body_util::BodyExt as _;

    /// A service that treats the requests that come to it one after the other by a script.
    struct Script(Vec<Step>, Vec<Bytes>);

    #[derive(Clone, Copy)]
    enum Step {
        Status(u16),
        /// Fails before (after) a part of the request was sent.
        Fails(FailureKind, bool),
    }

    #[async_trait]
    impl Next for Script {
        async fn serve(
            &mut self,
            exchange: &mut Exchange,
            _: &mut RequestContext<'_>,
        ) -> Result<Response<Body>, ServeError> {
            let body = std::mem::take(&mut exchange.body).collect().await.unwrap().to_bytes();
            exchange.head.headers.clear();
            let step = self.0[self.1.len()];
            self.1.push(body);
            match step {
                Step::Status(200) => Ok(ok(exchange)),
                Step::Status(status) => Ok(crate::response::status_text(StatusCode::from_u16(status).unwrap())),
                Step::Fails(kind, sent) => Err(ServeError::new(ServeFailure { kind, sent }, "it failed")),
            }
        }
    }

    fn retry(spec: &str) -> Retry {
        Retry::new(&serde_json::from_str(spec).unwrap()).unwrap()
    }

    /// The status of the outcome, and the bodies that were sent.
    async fn outcome(retry: &Retry, method: Method, steps: &[Step]) -> (u16, Vec<Bytes>) {
        let mut script = Script(steps.to_vec(), Vec::new());
        let mut request = exchange(method.as_str(), "/");
        request.body = Body::from("abc");
        let mut user = None;
        let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
        let served = retry.serve(&mut request, &mut context, &mut script).await;
        (status_of(&served).as_u16(), script.1)
    }

    const REFUSED: Step = Step::Fails(FailureKind::Unreachable, false);
    const BROKEN: Step = Step::Fails(FailureKind::Unreachable, true);

    #[tokio::test]
    async fn a_request_that_was_not_sent_is_tried_again_whatever_it_is() {
        for method in [Method::GET, Method::POST] {
            let (status, sent) =
                outcome(&retry(r#"{"attempts": 3}"#), method, &[REFUSED, REFUSED, Step::Status(200)]).await;
            assert_eq!((status, sent), (200, vec![Bytes::from("abc"); 3]));
        }
        let (status, sent) = outcome(&retry(r#"{"attempts": 2}"#), Method::GET, &[REFUSED, REFUSED]).await;
        assert_eq!((status, sent.len()), (502, 2));
    }

    #[tokio::test]
    async fn a_request_that_was_sent_is_repeated_only_if_it_may_be() {
        let steps = [BROKEN, Step::Status(200)];
        let plain = retry(r#"{"attempts": 2}"#);
        assert_eq!(outcome(&plain, Method::PUT, &steps).await.0, 200);
        assert_eq!(outcome(&plain, Method::POST, &steps).await, (502, vec![Bytes::from("abc")]));
        let any = retry(r#"{"attempts": 2, "retryNonIdempotentMethod": true}"#);
        assert_eq!(outcome(&any, Method::POST, &steps).await.0, 200);
        let none = retry(r#"{"attempts": 2, "disableRetryOnNetworkError": true}"#);
        assert_eq!(outcome(&none, Method::GET, &[REFUSED, Step::Status(200)]).await.0, 502);
    }

    #[tokio::test]
    async fn statuses_are_failures_if_the_list_has_them() {
        let retry = retry(r#"{"attempts": 3, "status": ["500-599"]}"#);
        let steps = [Step::Status(503), Step::Status(500), Step::Status(404)];
        assert_eq!(outcome(&retry, Method::GET, &steps).await.0, 404);
        assert_eq!(outcome(&retry, Method::POST, &steps).await.0, 503);
        let own = [Step::Fails(FailureKind::NoServer, false), Step::Status(200)];
        assert_eq!(outcome(&retry, Method::GET, &own).await.0, 200);
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_sent_once() {
        let small = retry(r#"{"attempts": 2, "maxRequestBodyBytes": 2}"#);
        assert_eq!(outcome(&small, Method::PUT, &[REFUSED, Step::Status(200)]).await, (502, vec![Bytes::from("abc")]));
        let none = retry(r#"{"attempts": 2, "maxRequestBodyBytes": -1}"#);
        assert_eq!(outcome(&none, Method::PUT, &[REFUSED, Step::Status(200)]).await.0, 200);
    }

    #[tokio::test]
    async fn the_head_is_the_client_s_each_time() {
        struct Sees(usize);
        #[async_trait]
        impl Next for Sees {
            async fn serve(
                &mut self,
                exchange: &mut Exchange,
                _: &mut RequestContext<'_>,
            ) -> Result<Response<Body>, ServeError> {
                assert_eq!((exchange.host(), exchange.head.uri.path()), ("example.test", "/x"));
                exchange.head.headers.clear();
                exchange.head.uri = "/changed".parse().unwrap();
                self.0 += 1;
                let failure = ServeFailure { kind: FailureKind::Unreachable, sent: false };
                Err(ServeError::new(failure, "refused"))
            }
        }
        let (mut sees, mut user) = (Sees(0), None);
        let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
        let served = retry(r#"{"attempts": 4}"#).serve(&mut exchange("GET", "/x"), &mut context, &mut sees).await;
        assert!(served.is_err() && sees.0 == 4);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_the_timeout_ends_them() {
        let patient = retry(r#"{"attempts": 3, "initialInterval": "100ms"}"#);
        for random in [0.0, 0.5, 1.0] {
            let base = 0.5 + random;
            assert_eq!(patient.pause(1, random), Duration::from_secs_f64(0.1 * base));
            let second = patient.pause(2, random).as_secs_f64();
            assert!((second - 0.1 * base * 2_f64.sqrt()).abs() < 1e-6, "{second}");
        }
        let begun = Instant::now();
        assert_eq!(outcome(&patient, Method::GET, &[REFUSED, REFUSED, REFUSED]).await.1.len(), 3);
        assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
        let hurried = retry(r#"{"attempts": 9, "initialInterval": "1s", "timeout": "500ms"}"#);
        let (status, sent) = outcome(&hurried, Method::GET, &[REFUSED; 9]).await;
        assert_eq!((status, sent.len()), (502, 2), "the second began before the time was over, the third would not");
    }

    #[test]
    fn no_attempts_are_a_mistake() {
        for wrong in [r#"{}"#, r#"{"attempts": 2, "status": ["many"]}"#] {
            assert!(Retry::new(&serde_json::from_str(wrong).unwrap()).is_err(), "{wrong}");
        }
    }
}

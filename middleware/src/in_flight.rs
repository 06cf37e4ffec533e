//! Limits the requests that are served at once, for each source (`inFlightReq`).

use crate::body::Holding;
use crate::flow::Flow;
use crate::source::{Criterion, Source};
use crate::{Body, Exchange, MiddlewareError, response};
use bytes::Bytes;
use flow_model::middleware::{self as spec, SourceCriterion};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use http::{Response, StatusCode};
use http_body::Body as _;
use parking_lot::Mutex;
use std::sync::Arc;

/// Limits the requests that are served at once.
#[derive(Debug)]
pub struct InFlightReq {
    criterion: Criterion,
    amount: u64,
    counts: Arc<Counts>,
}

/// The requests in flight by source; a source without any is not in it.
type Counts = Mutex<HashMap<Source, u64, RandomState>>;

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    source: Source,
    counts: Arc<Counts>,
}

impl InFlightReq {
    pub(crate) fn new(spec: &spec::InFlightReq) -> Result<Self, MiddlewareError> {
        let host = SourceCriterion { request_host: true, ..SourceCriterion::default() };
        let is_set = |it: &&SourceCriterion| **it != SourceCriterion::default();
        let criterion = Criterion::new(Some(spec.source_criterion.as_ref().filter(is_set).unwrap_or(&host)))?;
        let amount = u64::try_from(spec.amount).map_err(|_| MiddlewareError::Negative("amount"))?;
        Ok(Self { criterion, amount, counts: Arc::default() })
    }

    pub(crate) fn on_request(&self, exchange: &Exchange) -> Flow<Permit> {
        let source = self.criterion.source(exchange);
        let mut counts = self.counts.lock();
        let count = counts.get(&source).copied().unwrap_or_default();
        if count >= self.amount {
            let text = format!("max connections reached: {}", self.amount);
            return Flow::respond(response::bare(StatusCode::TOO_MANY_REQUESTS, Body::from(Bytes::from(text))));
        }
        let source = Source::from(source);
        *counts.entry(source.clone()).or_default() += 1;
        Flow::Remember(Permit { source, counts: Arc::clone(&self.counts) })
    }

    /// The request is in flight until the last byte of its response is handed on.
    pub(crate) fn on_response(permit: Permit, response: &mut Response<Body>) {
        let body = std::mem::take(response.body_mut());
        if body.is_end_stream() {
            *response.body_mut() = body;
            return;
        }
        *response.body_mut() = Body::boxed(Holding::new(body, permit));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        match counts.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{exchange, from, text, with};

    fn limit(spec: &str) -> InFlightReq {
        InFlightReq::new(&serde_json::from_str(spec).unwrap()).unwrap()
    }

    fn permit(limit: &InFlightReq, exchange: &Exchange) -> Option<Permit> {
        match limit.on_request(exchange) {
            Flow::Remember(permit) => Some(permit),
            _ => None,
        }
    }

    #[tokio::test]
    async fn more_than_the_amount_are_refused() {
        let limit = limit(r#"{"amount": 2}"#);
        let request = exchange("GET", "/");
        let held = [permit(&limit, &request), permit(&limit, &request)];
        assert!(held.iter().all(Option::is_some));
        let Flow::Respond(refusal) = limit.on_request(&request) else { panic!("let through") };
        assert_eq!((refusal.status().as_u16(), refusal.headers().len()), (429, 0));
        assert_eq!(text(*refusal).await, "max connections reached: 2");
        drop(held);
        assert!(permit(&limit, &request).is_some());
        assert!(limit.counts.lock().is_empty(), "sources without requests are forgotten");
    }

    #[test]
    fn sources_are_hosts_unless_said_otherwise() {
        let by_host = limit(r#"{"amount": 1, "sourceCriterion": {}}"#);
        let other = with(exchange("GET", "/"), &[]);
        let _held = permit(&by_host, &other).unwrap();
        assert!(permit(&by_host, &from("192.0.2.9:1", "GET", "/")).is_none());
        let by_address = limit(r#"{"amount": 1, "sourceCriterion": {"ipStrategy": {}}}"#);
        let _held = permit(&by_address, &other).unwrap();
        assert!(permit(&by_address, &from("192.0.2.9:1", "GET", "/")).is_some());
    }

    #[test]
    fn a_response_keeps_its_place_until_its_last_byte() {
        let limit = limit(r#"{"amount": 1}"#);
        let request = exchange("GET", "/");
        let mut response = Response::new(Body::from("bytes"));
        InFlightReq::on_response(permit(&limit, &request).unwrap(), &mut response);
        assert!(permit(&limit, &request).is_none());
        drop(response);
        let mut empty = Response::new(Body::Empty);
        InFlightReq::on_response(permit(&limit, &request).unwrap(), &mut empty);
        assert!(permit(&limit, &request).is_some());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in [r#"{"amount": -1}"#, r#"{"sourceCriterion": {"requestHost": true, "requestHeaderName": "X"}}"#] {
            assert!(InFlightReq::new(&serde_json::from_str(wrong).unwrap()).is_err(), "{wrong}");
        }
        assert!(permit(&limit(r#"{}"#), &exchange("GET", "/")).is_none(), "zero lets nothing through");
    }
}

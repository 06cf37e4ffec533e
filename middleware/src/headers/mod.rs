//! Headers of requests and responses, CORS, and the usual security headers (`headers`).

mod cors;
mod custom;
mod secure;
#[cfg(test)]
mod tests;

use crate::flow::Flow;
use crate::{Body, Exchange, MiddlewareError};
use cors::Cors;
use custom::Custom;
use flow_model::middleware as spec;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};
use secure::Secure;

/// Sets headers of requests and responses, responds to CORS preflights, checks hosts.
#[derive(Debug)]
pub struct Headers {
    cors: Option<Box<Cors>>,
    custom: Custom,
    secure: Option<Box<Secure>>,
}

/// The facts of the request that the response's headers depend on.
#[derive(Debug, Default)]
pub(crate) struct RequestFacts {
    /// `Access-Control-Allow-Origin`.
    origin: Option<HeaderValue>,
    /// Set if the inner half, which checks hosts and sets security headers, was passed.
    secured: Option<secure::RequestFacts>,
    /// A middleware further out chose an encoding for the response.
    encoded: bool,
}

impl Headers {
    pub(crate) fn new(spec: &spec::Headers) -> Result<Self, MiddlewareError> {
        let headers = Self {
            cors: Cors::new(spec)?.map(Box::new),
            custom: Custom::new(spec)?,
            secure: Secure::new(spec)?.map(Box::new),
        };
        let is_custom = !spec.custom_request_headers.is_empty() || !spec.custom_response_headers.is_empty();
        if headers.cors.is_none() && !is_custom && headers.secure.is_none() {
            return Err(MiddlewareError::NothingSet);
        }
        Ok(headers)
    }

    /// `encoded`: a middleware further out chose an encoding for the response.
    pub(crate) fn on_request(&self, exchange: &mut Exchange, encoded: bool) -> Flow<RequestFacts> {
        if let Some(preflight) = self.cors.as_ref().and_then(|cors| cors.preflight(&exchange.head)) {
            return Flow::respond(preflight);
        }
        self.custom.on_request(exchange);
        let origin = self.cors.as_ref().and_then(|cors| cors.allowed(&exchange.head.headers));
        let secured = match self.secure.as_ref().map(|secure| secure.on_request(exchange)) {
            Some(Err(mut bad_host)) => {
                self.outer(origin, false, &mut bad_host);
                return Flow::Respond(bad_host);
            }
            Some(Ok(facts)) => Some(facts),
            None => None,
        };
        if origin.is_none() && secured.is_none() && !(encoded && self.cors.is_some()) {
            return Flow::Pass;
        }
        Flow::Remember(RequestFacts { origin, secured, encoded })
    }

    pub(crate) fn on_response(&self, facts: RequestFacts, response: &mut Response<Body>) {
        // Removing `Upgrade` from responses is meant for offers of HTTP/2, not for WebSockets.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        if let (Some(secure), Some(facts)) = (&self.secure, facts.secured) {
            secure.on_response(facts, response.headers_mut());
        }
        self.outer(facts.origin, facts.encoded, response);
    }

    /// The outer half, which also runs on responses of the inner one.
    fn outer(&self, origin: Option<HeaderValue>, encoded: bool, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        self.custom.on_response(headers);
        if let Some(cors) = &self.cors {
            cors.on_response(origin, encoded, headers);
        }
    }
}

fn name(text: &str) -> Result<HeaderName, MiddlewareError> {
    HeaderName::try_from(text).map_err(|_| MiddlewareError::HeaderName(text.to_owned()))
}

fn value(text: &str) -> Result<HeaderValue, MiddlewareError> {
    let text = line(text);
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| MiddlewareError::HeaderValue(text))
}

/// Joins lines as Go does when it writes a value: policies are often written in several lines.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").trim_matches([' ', '\t']).to_owned()
}

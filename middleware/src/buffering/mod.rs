//! Reads whole bodies before they are sent on, limits them, and sends requests again (`buffering`).
//!
//! `stored` keeps a body in memory, and what is too much for that in a file; `limit` counts a body in passing. A limit
//! alone stores nothing that it can do without: the request is counted while it is sent, since a response that says so can
//! still be given; a response is stored only if its length is not known before.

mod limit;
mod outcome;
mod stored;
#[cfg(test)]
mod tests;

use crate::expression::Condition;
use crate::{
    Around, Body, Exchange, FailureKind, MiddlewareError, Next, RequestContext, ServeError, ServeFailure, response,
    status_of,
};
use async_trait::async_trait;
use flow_model::middleware as spec;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as _;
use limit::{Exceeded, Limited};
use outcome::Outcome;
use std::path::PathBuf;
use stored::{Keep, StoreError, Stored};

/// The part of a body that is kept in memory, in bytes, if nothing else is said.
const DEFAULT_MEMORY: u64 = 1 << 20;
/// The most tries after the first, whatever the condition says.
const MAX_RETRIES: u32 = 10;

/// Reads whole bodies before they are sent on.
#[derive(Debug)]
pub struct Buffering {
    request: Policy,
    response: Policy,
    retry: Option<Condition<Outcome>>,
    /// The folder of files with what is too much for the memory.
    folder: PathBuf,
}

/// The treatment of bodies of one direction.
#[derive(Debug)]
struct Policy {
    /// The longest body, in bytes; `None` is no limit.
    limit: Option<u64>,
    /// The part that is kept in memory, in bytes.
    memory: u64,
    /// True if each body is stored, false if only its length matters.
    stores: bool,
}

/// The form of a request's body on its way.
enum Sent {
    Stored(Stored),
    Counted(Exceeded),
    AsItIs,
}

impl Buffering {
    /// `folder` is where files are made; they have no name there.
    pub(crate) fn new(spec: &spec::Buffering, folder: PathBuf) -> Result<Self, MiddlewareError> {
        let bytes = |name, number: i64| u64::try_from(number).map_err(|_| MiddlewareError::Negative(name));
        let max_request = bytes("maxRequestBodyBytes", spec.max_request_body_bytes)?;
        let max_response = bytes("maxResponseBodyBytes", spec.max_response_body_bytes)?;
        let mem_request = bytes("memRequestBodyBytes", spec.mem_request_body_bytes)?;
        let mem_response = bytes("memResponseBodyBytes", spec.mem_response_body_bytes)?;
        let expression = &spec.retry_expression;
        let retry = (!expression.is_empty()).then(|| Condition::parse(expression)).transpose()?;
        // An object that says nothing of limits wants bodies to be stored.
        let stores = max_request == 0 && max_response == 0 && retry.is_none();
        let policy = |max: u64, memory: u64, stores: bool| Policy {
            limit: (max > 0).then_some(max),
            memory: if memory > 0 { memory } else { DEFAULT_MEMORY },
            stores: stores || memory > 0,
        };
        Ok(Self {
            request: policy(max_request, mem_request, stores || retry.is_some()),
            response: policy(max_response, mem_response, stores),
            retry,
            folder,
        })
    }

    /// Stores or limits the request's body; breaks with the response if that fails.
    async fn take(&self, exchange: &mut Exchange) -> Result<Sent, Refused> {
        let policy = &self.request;
        let length = length(&exchange.body, &exchange.head.headers);
        if policy.limit.zip(length).is_some_and(|(limit, length)| length > limit) {
            return Err(Refused::TooLarge);
        }
        let body = std::mem::take(&mut exchange.body);
        if policy.stores {
            let headers = &mut exchange.head.headers;
            let had_body = headers.contains_key(CONTENT_LENGTH) || !body.is_end_stream();
            let stored = stored::store(body, policy.keep(), &self.folder).await.map_err(|error| match error {
                StoreError::Body(error) => Refused::Broken(error),
                StoreError::Disk(error) => Refused::Disk(error),
                StoreError::TooLarge => Refused::TooLarge,
            })?;
            headers.remove(TRANSFER_ENCODING);
            // It is there, so the server need not be asked for leave to send it.
            headers.remove(EXPECT);
            if had_body {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(stored.length()));
            }
            return Ok(Sent::Stored(stored));
        }
        if let (Some(limit), None) = (policy.limit, length) {
            let (limited, exceeded) = Limited::new(body, limit);
            exchange.body = Body::boxed(limited);
            return Ok(Sent::Counted(exceeded));
        }
        exchange.body = body;
        Ok(Sent::AsItIs)
    }

    /// Stores or limits the body of a response.
    async fn receive(&self, response: Response<Body>, method: &Method) -> Result<Response<Body>, ServeError> {
        let policy = &self.response;
        let status = response.status();
        let has_none = *method == Method::HEAD || status.is_informational();
        if has_none || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let (mut head, body) = response.into_parts();
        let length = length(&body, &head.headers);
        if policy.limit.zip(length).is_some_and(|(limit, length)| length > limit) {
            tracing::debug!("the response is longer than maxResponseBodyBytes");
            return Ok(response::status_text(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let is_limited = policy.limit.is_some() && length.is_none();
        if !policy.stores && is_limited && is_event_stream(&head.headers) {
            // It has no end to wait for.
            let (limited, _) = Limited::new(body, policy.limit.unwrap_or_default());
            return Ok(Response::from_parts(head, Body::boxed(limited)));
        }
        if !policy.stores && !is_limited {
            return Ok(Response::from_parts(head, body));
        }
        match stored::store(body, policy.keep(), &self.folder).await {
            Ok(stored) => {
                if !stored.has_trailers() {
                    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(stored.length()));
                }
                Ok(Response::from_parts(head, stored.body()))
            }
            Err(StoreError::Body(error)) => {
                Err(ServeError::new(ServeFailure { kind: FailureKind::Unreachable, sent: true }, error))
            }
            Err(StoreError::Disk(error)) => Ok(Refused::Disk(error).respond()),
            Err(StoreError::TooLarge) => {
                tracing::debug!("the response is longer than maxResponseBodyBytes");
                Ok(response::status_text(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }
}

impl Policy {
    fn keep(&self) -> Keep {
        Keep { memory: self.memory, limit: self.limit.unwrap_or(u64::MAX) }
    }
}

/// The reason why a request is not sent.
enum Refused {
    Broken(crate::body::BodyError),
    Disk(std::io::Error),
    TooLarge,
}

impl Refused {
    fn respond(self) -> Response<Body> {
        match self {
            Self::TooLarge => response::status_text(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Broken(error) => {
                tracing::debug!(error = &*error as &dyn std::error::Error, "a body broke off");
                response::status_text(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Disk(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a body cannot be stored");
                response::status_text(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

#[async_trait]
impl Around for Buffering {
    fn kind(&self) -> &'static str {
        "buffering"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        let sent = match self.take(exchange).await {
            Ok(sent) => sent,
            Err(Refused::Broken(error)) => {
                let failure = ServeFailure { kind: FailureKind::of_body(&*error), sent: false };
                return Err(ServeError::new(failure, error));
            }
            Err(refused) => return Ok(refused.respond()),
        };
        let method = exchange.head.method.clone();
        let head = self.retry.as_ref().map(|_| exchange.head.clone());
        let mut attempts = 0;
        loop {
            if let Sent::Stored(stored) = &sent {
                exchange.body = stored.body();
            }
            let served = next.serve(exchange, context).await;
            if let Sent::Counted(exceeded) = &sent
                && exceeded.get()
            {
                return Ok(Refused::TooLarge.respond());
            }
            let served = match served {
                Ok(response) => self.receive(response, &method).await,
                Err(error) => Err(error),
            };
            attempts += 1;
            let (Some(condition), Some(head)) = (&self.retry, &head) else { return served };
            let status = status_of(&served).as_u16();
            if attempts > MAX_RETRIES || !condition.holds(&mut |outcome| outcome.number(attempts, status)) {
                return served;
            }
            tracing::debug!(attempts, status, "trying again");
            exchange.head = head.clone();
        }
    }
}

fn length(body: &Body, headers: &HeaderMap) -> Option<u64> {
    let announced = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    body.size_hint().exact().or_else(announced)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

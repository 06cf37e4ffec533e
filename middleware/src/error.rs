//! The error that goes back along a chain if there is no response from behind it.

use crate::Body;
use crate::body::{is_malformed, is_paused};
use crate::response::CLIENT_CLOSED_REQUEST;
use http::{Response, StatusCode};
use std::error::Error as StdError;
use std::fmt;

/// The meaning of a failure for the client (Traefik's `ComputeStatusCode`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// The client went away while it sent its body: 499.
    ClientGone,
    /// The client paused for too long within its body: 408.
    ClientPaused,
    /// Anything else, such as an invalid certificate or a malformed response: 500.
    Internal,
    /// The client's body is wrongly framed: 400.
    Malformed,
    /// The service has no server: 503, `no available server`.
    NoServer,
    /// A limit passed: 504.
    TimedOut,
    /// Refused, reset, unresolvable or closed before a response: 502.
    Unreachable,
}

impl FailureKind {
    /// The kind of an error of the client's own body.
    #[must_use]
    pub fn of_body(error: &(dyn StdError + 'static)) -> Self {
        if is_malformed(error) {
            Self::Malformed
        } else if is_paused(error) {
            Self::ClientPaused
        } else {
            Self::ClientGone
        }
    }

    /// The status that the client gets.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::ClientGone => StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(StatusCode::BAD_REQUEST),
            Self::ClientPaused => StatusCode::REQUEST_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NoServer => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
        }
    }
}

/// Returns the status that the client would get.
pub fn status_of(served: &Result<Response<Body>, ServeError>) -> StatusCode {
    served.as_ref().map_or_else(|error| error.failure.kind.status(), Response::status)
}

/// A failure to get a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServeFailure {
    /// The meaning.
    pub kind: FailureKind,
    /// True if a server may have got a part of the request, and have acted on it.
    pub sent: bool,
}

impl ServeFailure {
    /// The failure that `response` tells of; `None` if a backend or a middleware responded.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<Self> {
        response.extensions().get().copied()
    }
}

/// The reason why a request got no response, with its meaning. It shows as its cause does.
pub struct ServeError {
    /// The failure.
    pub failure: ServeFailure,
    cause: Box<dyn StdError + Send + Sync>,
}

impl ServeError {
    /// A failure with its cause.
    pub fn new(failure: ServeFailure, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { failure, cause: cause.into() }
    }

    /// The error of the stage that failed.
    #[must_use]
    pub fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        self.cause
    }
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServeError").field(&self.failure).field(&self.cause).finish()
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl StdError for ServeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

//! The reasons why a request got no response from a backend, and their kinds.

use super::connect_error::ConnectError;
use super::endpoint::{Broken, Http1Error, Http2Error};
use super::io_error;
use flow_middleware::body::BodyError;
use flow_middleware::{FailureKind, ServeError, ServeFailure};
use std::error::Error as StdError;
use std::time::Duration;

/// The reason why no response came.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The request was sent before and cannot be sent again: a mistake of this program.
    #[error("the request was sent before")]
    AlreadySent,
    /// The connection closed, or the response was not HTTP.
    #[error("{address} gave no answer")]
    Broken {
        /// Host and port.
        address: Box<str>,
        /// The cause.
        #[source]
        source: Broken,
    },
    /// No connection could be established, so nothing was sent.
    #[error("cannot connect to {address}")]
    Connect {
        /// Host and port.
        address: Box<str>,
        /// The cause.
        #[source]
        source: ConnectError,
    },
    /// The service has no usable server.
    #[error("no available server")]
    NoServer,
    /// The backend switched to a protocol that the client did not ask for.
    #[error("{address} switched to a protocol that was not asked for")]
    Protocol {
        /// Host and port.
        address: Box<str>,
    },
    /// The head of the response took too long.
    #[error("no answer from {address} within {limit:?}")]
    TimedOut {
        /// Host and port.
        address: Box<str>,
        /// The limit.
        limit: Duration,
    },
    /// The client's body broke off while it was read for more than one service.
    #[error("the request's body broke off")]
    Unread(#[source] BodyError),
}

impl From<ForwardError> for ServeError {
    fn from(error: ForwardError) -> Self {
        let sent = !matches!(error, ForwardError::Connect { .. } | ForwardError::NoServer | ForwardError::Unread(_));
        Self::new(ServeFailure { kind: error.kind(), sent }, error)
    }
}

impl ForwardError {
    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Broken { source: Broken::Http1(error), .. } => http1_kind(error),
            Self::Broken { source: Broken::Http2(error), .. } => http2_kind(error),
            Self::AlreadySent | Self::Broken { source: Broken::TooLarge, .. } => FailureKind::Internal,
            Self::Connect { source, .. } => source.kind(),
            Self::NoServer => FailureKind::NoServer,
            Self::Protocol { .. } => FailureKind::Internal,
            Self::TimedOut { .. } => FailureKind::TimedOut,
            Self::Unread(error) => FailureKind::of_body(&**error),
        }
    }

    /// True if nothing was sent, so that any request may be tried elsewhere.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }

    /// The error of the client's own body, if that failed (to tell a middleware's limit apart).
    #[must_use]
    pub fn body_error(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Broken { source: Broken::Http1(Http1Error::Body(error)), .. } | Self::Unread(error) => Some(&**error),
            Self::Broken { source: Broken::Http2(Http2Error::Body(error)), .. } => Some(&**error),
            _ => None,
        }
    }
}

fn http1_kind(error: &Http1Error) -> FailureKind {
    match error {
        Http1Error::Body(error) => FailureKind::of_body(&**error),
        Http1Error::Closed | Http1Error::CutShort => FailureKind::Unreachable,
        Http1Error::Io(error) => io_error::kind(error),
        Http1Error::Malformed(_) | Http1Error::TooLarge => FailureKind::Internal,
    }
}

fn http2_kind(error: &Http2Error) -> FailureKind {
    match error {
        Http2Error::Body(error) => FailureKind::of_body(&**error),
        Http2Error::Interim => FailureKind::Internal,
        Http2Error::Stream(error) => match error.get_io() {
            Some(io) => io_error::kind(io),
            None if error.is_go_away() => FailureKind::Unreachable,
            None => FailureKind::Internal,
        },
    }
}

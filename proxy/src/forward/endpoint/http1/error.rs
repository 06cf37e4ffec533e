//! Errors of exchanges over HTTP/1.1.

use flow_middleware::body::BodyError;
use std::io;

/// The reason why a request got no complete response over HTTP/1.1.
#[derive(Debug, thiserror::Error)]
pub enum Http1Error {
    /// The request's own body broke off, or was shorter than announced.
    #[error("the body of the request broke off")]
    Body(#[source] BodyError),
    /// The backend closed the connection before the first byte of a response.
    #[error("the connection was closed before an answer came")]
    Closed,
    /// The backend closed the connection within a response.
    #[error("the connection was closed within an answer")]
    CutShort,
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// The received bytes are not valid HTTP/1.1.
    #[error("the answer is no HTTP: {0}")]
    Malformed(&'static str),
    /// The head of the response exceeds our limits.
    #[error("the head of the answer is too large")]
    TooLarge,
}

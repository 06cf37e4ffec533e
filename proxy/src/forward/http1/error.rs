//! Why an exchange over HTTP/1.1 failed.

use flow_middleware::body::BodyError;
use std::io;

/// Why a request got no whole answer over HTTP/1.1.
#[derive(Debug, thiserror::Error)]
pub enum Http1Error {
    /// The request's own body broke off, or was shorter than announced.
    #[error("the body of the request broke off")]
    Body(#[source] BodyError),
    /// The backend closed the connection before the first byte of an answer.
    #[error("the connection was closed before an answer came")]
    Closed,
    /// The backend closed the connection within an answer.
    #[error("the connection was closed within an answer")]
    CutShort,
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// What came is no HTTP/1.1.
    #[error("the answer is no HTTP: {0}")]
    Malformed(&'static str),
    /// The head of the answer is longer than anybody can want.
    #[error("the head of the answer is too large")]
    TooLarge,
}

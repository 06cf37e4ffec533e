//! The errors that break an exchange of either protocol.

use super::http1::Http1Error;
use super::http2::Http2Error;

/// The error that broke an exchange.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Over HTTP/1.1.
    #[error(transparent)]
    Http1(#[from] Http1Error),
    /// Over HTTP/2.
    #[error(transparent)]
    Http2(#[from] Http2Error),
    /// The head of the response, or its trailers, exceed our limits.
    #[error("the head of the answer is too large")]
    TooLarge,
}

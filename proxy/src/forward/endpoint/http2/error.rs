//! The errors of an exchange over HTTP/2.

use flow_middleware::body::BodyError;

/// The reason why an exchange over HTTP/2 failed.
#[derive(Debug, thiserror::Error)]
pub enum Http2Error {
    /// The request's own body failed.
    #[error("the request's body broke off")]
    Body(#[source] BodyError),
    /// More interim responses than anybody can want.
    #[error("more interim answers than anybody can want")]
    Interim,
    /// The stream or its connection broke.
    #[error(transparent)]
    Stream(#[from] h2::Error),
}

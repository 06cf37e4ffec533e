//! Requests that a middleware makes itself, such as those to an authentication server.

use crate::Body;
use flow_model::middleware::ClientTls;
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// Why a request of our own came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server could not be reached, or it broke off.
    #[error("cannot reach {authority}")]
    Unreachable {
        /// Host and port.
        authority: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("no answer from {authority} within {limit:?}")]
    TimedOut {
        /// Host and port.
        authority: String,
        /// The limit.
        limit: Duration,
    },
    /// The TLS settings do not hold.
    #[error("TLS settings for {authority} do not hold: {reason}")]
    Tls {
        /// Host and port.
        authority: String,
        /// Why.
        reason: String,
    },
}

/// Sends requests for middlewares; the data plane implements it over its own connections.
#[async_trait::async_trait]
pub trait Fetch: Send + Sync {
    /// Sends `request`, whose URI is absolute (`http` or `https`), follows no redirection, and gives up on the
    /// answer's head after `limit`.
    ///
    /// # Errors
    /// Where no answer came.
    async fn fetch(
        &self,
        request: Request<Body>,
        tls: Option<&Arc<ClientTls>>,
        limit: Duration,
    ) -> Result<Response<Body>, FetchError>;
}

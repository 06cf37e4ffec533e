//! Requests that a middleware makes itself, such as those to an authentication server.

use crate::Body;
use flow_model::middleware::ClientTls;
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// The reason why a request made by a middleware failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server could not be reached, or it closed the connection early.
    #[error("cannot reach {authority}")]
    Unreachable {
        /// Host and port.
        authority: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The time limit passed.
    #[error("no answer from {authority} within {limit:?}")]
    TimedOut {
        /// Host and port.
        authority: String,
        /// The limit.
        limit: Duration,
    },
    /// The TLS settings are invalid.
    #[error("TLS settings for {authority} do not hold: {reason}")]
    Tls {
        /// Host and port.
        authority: String,
        /// The cause.
        reason: String,
    },
}

/// Sends requests for middlewares; the data plane implements it over its own connections.
#[async_trait::async_trait]
pub trait Fetch: Send + Sync {
    /// Sends `request`, whose URI is absolute (`http` or `https`), follows no redirection, and gives up if the
    /// response's head has not come within `limit`.
    ///
    /// # Errors
    /// If no response came: see the variants of [`FetchError`].
    async fn fetch(
        &self,
        request: Request<Body>,
        tls: Option<&Arc<ClientTls>>,
        limit: Duration,
    ) -> Result<Response<Body>, FetchError>;

    /// The same for a task that outlives the request; `None` if there is none.
    fn shared(&self) -> Option<Arc<dyn Fetch>> {
        None
    }
}

/// Reaches no server.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

#[async_trait::async_trait]
impl Fetch for Nowhere {
    async fn fetch(
        &self,
        request: Request<Body>,
        _: Option<&Arc<ClientTls>>,
        _: Duration,
    ) -> Result<Response<Body>, FetchError> {
        let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        Err(FetchError::Unreachable { authority, source: "no requests are sent from here".into() })
    }
}

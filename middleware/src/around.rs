//! Middlewares that run what follows them as a whole: not at all, once, or several times.
//!
//! A middleware of two phases changes a request and its response in passing; that covers most, and costs no
//! allocation. One that has to see the error, to send the request again or to ask another service is an [`Around`]: the
//! chain is cut there, and the part behind it is handed over as [`Next`].

use crate::{Body, Exchange, RequestContext, ServeError};
use async_trait::async_trait;
use http::Response;
use std::fmt;

/// A middleware that decides if and how often what follows it runs.
#[async_trait]
pub trait Around: fmt::Debug + Send + Sync {
    /// The kind, as configurations write it.
    fn kind(&self) -> &'static str;

    /// Handles one request by means of `next`.
    ///
    /// # Errors
    /// Those of `next` that it does not turn into a response.
    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError>;
}

/// The rest of a chain, with the service at its end, for one request.
#[async_trait]
pub trait Next: Send {
    /// Sends `exchange` on. Its head and body are used up; another call needs them anew.
    ///
    /// # Errors
    /// [`ServeError`] if there is no response. Behind a middleware of two phases it has become a response already,
    /// which [`ServeFailure::of`](crate::ServeFailure::of) recognizes.
    async fn serve(
        &mut self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> Result<Response<Body>, ServeError>;
}

/// A service that a middleware sends requests to besides the one at the end of its chain.
#[async_trait]
pub trait Service: Send + Sync {
    /// Sends `exchange` to the service.
    ///
    /// # Errors
    /// [`ServeError`] if there is no response.
    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> Result<Response<Body>, ServeError>;
}

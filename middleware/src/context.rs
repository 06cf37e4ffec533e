//! The tools and facts of one request that are neither its head nor its body.

use crate::{Fetch, ForwardedFor};
use flow_model::name::Name;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// The tools that middlewares and services use on one request's way, and the facts that they add.
pub struct RequestContext<'a> {
    /// The qualified name of the router that took the request.
    pub router: &'a Name,
    /// Sends the requests that a middleware makes itself.
    pub fetch: &'a dyn Fetch,
    /// The treatment of `X-Forwarded-For` towards backends.
    pub forwarded_for: ForwardedFor,
    /// The user authenticated by a middleware, for the access log. It is kept outside, so that it is known even if
    /// the client goes away.
    pub user: &'a mut Option<Box<str>>,
    /// True once a middleware on the way has chosen an encoding for the response. What runs the rest of a chain again
    /// sets it back to its value at that place.
    pub encoded: bool,
    /// The number of copies of this request that mirrors got. The copies share it, so that what mirrors mirror counts.
    pub copies: Option<Arc<AtomicU32>>,
}

impl<'a> RequestContext<'a> {
    /// The context of a request that this router took.
    #[must_use]
    pub fn new(
        router: &'a Name,
        fetch: &'a dyn Fetch,
        forwarded_for: ForwardedFor,
        user: &'a mut Option<Box<str>>,
    ) -> Self {
        Self { router, fetch, forwarded_for, user, encoded: false, copies: None }
    }
}

impl fmt::Debug for RequestContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext").field("router", &self.router).finish_non_exhaustive()
    }
}

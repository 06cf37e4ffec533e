//! The decisions of middlewares on requests.

use crate::Body;
use http::Response;
use std::convert::Infallible;

/// A middleware's decision on a request. `S` is the state that it keeps for its second phase; most keep none.
#[derive(Debug)]
pub(crate) enum Flow<S = Infallible> {
    /// The middleware responds.
    Respond(Box<Response<Body>>),
    /// The request goes on.
    Pass,
    /// The request goes on, and the second phase needs this.
    Remember(S),
}

impl<S> Flow<S> {
    /// The decision to respond with `response`.
    pub(crate) fn respond(response: Response<Body>) -> Self {
        Self::Respond(Box::new(response))
    }

    /// The same decision with another state.
    pub(crate) fn map<T>(self, state: impl FnOnce(S) -> T) -> Flow<T> {
        match self {
            Self::Respond(response) => Flow::Respond(response),
            Self::Pass => Flow::Pass,
            Self::Remember(kept) => Flow::Remember(state(kept)),
        }
    }
}

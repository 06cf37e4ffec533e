//! The kinds of middlewares, each compiled, as one enum.

use crate::chain::{Chain, Context};
use crate::{Body, Exchange};
use http::Response;

/// A compiled middleware: everything that does not depend on a request is computed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Middleware {
    /// Runs others in order; a [`Chain`] takes them into its own steps.
    Chain(Chain),
}

/// What a middleware says of a request.
#[derive(Debug)]
pub(crate) enum Flow {
    /// It is answered.
    Answer(Box<Response<Body>>),
    /// It goes on.
    Pass,
    /// It goes on, and the second phase needs this.
    Remember(State),
}

/// What a middleware keeps of one exchange between its two phases.
#[derive(Debug)]
pub(crate) enum State {}

impl Flow {
    /// An answer of our own.
    pub(crate) fn answer(response: Response<Body>) -> Self {
        Self::Answer(Box::new(response))
    }
}

impl Middleware {
    /// The first phase.
    pub(crate) async fn on_request(&self, _exchange: &mut Exchange, _context: &Context<'_>) -> Flow {
        match self {
            Self::Chain(_) => Flow::Pass,
        }
    }

    /// The second phase.
    pub(crate) async fn on_response(&self, _state: Option<State>, _response: &mut Response<Body>) {}
}

//! The loop that runs middlewares around a service.

use crate::middleware::{Flow, Middleware, State};
use crate::{Body, Exchange, Fetch};
use http::Response;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// What a chain's middlewares may use besides the exchange.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Sends requests of a middleware's own.
    pub fetch: &'a dyn Fetch,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Middlewares in order, those of `chain` middlewares in their place.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    steps: Box<[Arc<Middleware>]>,
}

/// How far an exchange came, and what the middlewares that it passed remember of it.
#[derive(Debug, Default)]
pub struct Passed {
    count: usize,
    /// Only of the steps that have something to remember, in their order.
    states: SmallVec<[(usize, State); 2]>,
}

/// A middleware answered itself.
#[derive(Debug)]
pub struct Answer {
    /// What it said.
    pub response: Response<Body>,
    /// The middlewares before it, which still want to see the answer.
    pub passed: Passed,
}

impl Chain {
    /// `members` in order.
    pub fn new(members: impl IntoIterator<Item = Arc<Middleware>>) -> Self {
        let mut steps = Vec::new();
        for member in members {
            match &*member {
                Middleware::Chain(inner) => steps.extend(inner.steps.iter().cloned()),
                _ => steps.push(member),
            }
        }
        Self { steps: steps.into() }
    }

    /// Nothing happens here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The first phase, in order: the request may go on, changed in place, or is answered.
    ///
    /// # Errors
    /// The answer of a middleware that does not let the request pass; give it to [`Chain::on_response`] with its `passed`.
    pub async fn on_request(&self, exchange: &mut Exchange, context: &Context<'_>) -> Result<Passed, Box<Answer>> {
        let mut passed = Passed::default();
        for step in &self.steps {
            match step.on_request(exchange, context).await {
                Flow::Answer(response) => return Err(Box::new(Answer { response: *response, passed })),
                Flow::Pass => {}
                Flow::Remember(state) => passed.states.push((passed.count, state)),
            }
            passed.count += 1;
        }
        Ok(passed)
    }

    /// The second phase, in reverse over the middlewares that the request passed.
    pub async fn on_response(&self, mut passed: Passed, mut response: Response<Body>) -> Response<Body> {
        for (index, step) in self.steps.iter().enumerate().take(passed.count).rev() {
            let state = match passed.states.last() {
                Some((of, _)) if *of == index => passed.states.pop().map(|(_, state)| state),
                _ => None,
            };
            step.on_response(state, &mut response).await;
        }
        response
    }
}

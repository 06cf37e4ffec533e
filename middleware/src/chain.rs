//! The loop that runs middlewares around a service.

use crate::flow::Flow;
use crate::middleware::{Middleware, State};
use crate::{Around, Body, Exchange, RequestContext};
use http::Response;
use smallvec::SmallVec;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Middlewares in order; members of `chain` middlewares are inlined.
///
/// Its phases leave out the middlewares around a part of the chain: [`Chain::cut`] finds those.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    steps: Box<[Arc<Middleware>]>,
}

/// A chain that was cut.
#[derive(Debug)]
pub enum Cut {
    /// The last middleware that runs what follows it, with the steps on both sides.
    At {
        /// The steps before it; there may be more such middlewares among them.
        before: Chain,
        /// The middleware.
        around: Arc<dyn Around>,
        /// The steps that follow it.
        after: Chain,
    },
    /// The whole chain: no middleware of it is of that kind.
    Nowhere(Chain),
}

/// The number of steps an exchange has passed, and the state that they keep.
#[derive(Debug, Default)]
pub struct Passed {
    count: usize,
    /// Only of steps that keep state, in their order.
    states: SmallVec<[(usize, State); 2]>,
}

/// A response made by a middleware.
#[derive(Debug)]
pub struct EarlyResponse {
    /// The response.
    pub response: Response<Body>,
    /// The middlewares before it, whose second phase still has to run.
    pub passed: Passed,
}

impl Chain {
    /// A chain of `members` in order.
    pub fn new(members: impl IntoIterator<Item = Arc<Middleware>>) -> Self {
        let mut steps = Vec::new();
        for member in members {
            inline(member, &mut steps);
        }
        Self { steps: steps.into() }
    }

    /// Cuts the chain at its last middleware that runs what follows it.
    #[must_use]
    pub fn cut(self) -> Cut {
        let found = self.steps.iter().enumerate().rev().find_map(|(index, step)| match &**step {
            Middleware::Around(around) => Some((index, Arc::clone(around))),
            _ => None,
        });
        let Some((index, around)) = found else { return Cut::Nowhere(self) };
        let mut before = self.steps.into_vec();
        let after = before.split_off(index + 1);
        before.truncate(index);
        Cut::At { before: Self { steps: before.into() }, around, after: Self { steps: after.into() } }
    }

    /// True if there are no middlewares.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The middlewares in order.
    pub fn steps(&self) -> impl Iterator<Item = &Arc<Middleware>> {
        self.steps.iter()
    }

    /// The first phase, in order: the request may go on, changed in place, or a middleware responds.
    ///
    /// Breaks with the response of a middleware that stops the request; pass it to [`Chain::on_response`] with its `passed`.
    pub async fn on_request(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
    ) -> ControlFlow<Box<EarlyResponse>, Passed> {
        let mut passed = Passed::default();
        for step in &self.steps {
            match step.on_request(exchange, context).await {
                Flow::Respond(response) => {
                    tracing::debug!(
                        middleware = step.kind(),
                        status = response.status().as_u16(),
                        "a middleware responded"
                    );
                    return ControlFlow::Break(Box::new(EarlyResponse { response: *response, passed }));
                }
                Flow::Pass => {}
                Flow::Remember(state) => passed.states.push((passed.count, state)),
            }
            passed.count += 1;
        }
        ControlFlow::Continue(passed)
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

/// Adds a middleware to `steps`; of a chain, its members.
fn inline(member: Arc<Middleware>, steps: &mut Vec<Arc<Middleware>>) {
    match &*member {
        Middleware::Chain(members) => members.iter().for_each(|member| inline(Arc::clone(member), steps)),
        _ => steps.push(member),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::ForwardedFor;
    use crate::path::request_uri;
    use crate::testing::{Members, ROUTER, chain, compile, exchange, header, ok, run, with};
    use flow_model::middleware::Middleware as Spec;
    use flow_model::name::Name;

    fn adds(value: &str) -> String {
        format!(r#"{{"headers": {{"customResponseHeaders": {{"X-By": "{value}"}}}}}}"#)
    }

    #[tokio::test]
    async fn requests_go_in_order_and_answers_in_reverse() {
        let chain = chain(&[
            r#"{"addPrefix": {"prefix": "/a"}}"#,
            &adds("outer"),
            r#"{"addPrefix": {"prefix": "/b"}}"#,
            &adds("inner"),
        ]);
        let mut exchange = exchange("GET", "/x");
        let response = run(&chain, &mut exchange, ok).await;
        assert_eq!(request_uri(&exchange), "/b/a/x");
        assert_eq!(header(response.headers(), "x-by"), "outer");
    }

    #[tokio::test]
    async fn an_answer_is_seen_by_those_before_it_only() {
        let chain = chain(&[
            &adds("before"),
            r#"{"headers": {"accessControlAllowOriginList": ["*"], "accessControlAllowCredentials": true}}"#,
            r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}}"#,
            &adds("after"),
        ]);
        let mut exchange = with(exchange("GET", "/"), &[("origin", "https://a.test")]);
        let response = run(&chain, &mut exchange, |_| unreachable!("answered")).await;
        assert_eq!(response.status(), 403);
        assert_eq!(header(response.headers(), "x-by"), "before");
        assert_eq!(header(response.headers(), "access-control-allow-origin"), "https://a.test");
    }

    #[tokio::test]
    async fn what_is_remembered_comes_back_to_its_own_step() {
        let cors = |origin: &str| format!(r#"{{"headers": {{"accessControlAllowOriginList": ["{origin}"]}}}}"#);
        let chain = chain(&[
            &cors("https://a.test"),
            &adds("x"),
            r#"{"compress": {"minResponseBodyBytes": 1}}"#,
            &cors("https://b.test"),
        ]);
        for (origin, accept) in [("https://a.test", "gzip"), ("https://b.test", "br"), ("https://c.test", "x")] {
            let mut exchange = with(exchange("GET", "/"), &[("origin", origin), ("accept-encoding", accept)]);
            let response = run(&chain, &mut exchange, ok).await;
            let allowed = header(response.headers(), "access-control-allow-origin");
            assert_eq!((allowed == origin, allowed.is_empty()), (accept != "x", accept == "x"));
            let encoding = header(response.headers(), "content-encoding");
            assert_eq!(encoding, if accept == "x" { "" } else { accept });
        }
    }

    #[tokio::test]
    async fn a_chain_in_a_chain_is_its_members() {
        let member = Arc::new(compile(r#"{"addPrefix": {"prefix": "/m"}}"#).unwrap());
        let spec: Spec = serde_json::from_str(r#"{"chain": {"middlewares": ["one", "one"]}}"#).unwrap();
        let inner = crate::compile(
            &spec,
            &"c".into(),
            &mut Members(|name: &Name| {
                assert_eq!(&**name, "one");
                Ok(Arc::clone(&member))
            }),
        );
        let chain = Chain::new([Arc::new(inner.unwrap()), member]);
        let mut exchange = exchange("GET", "/x");
        run(&chain, &mut exchange, ok).await;
        assert_eq!(request_uri(&exchange), "/m/m/m/x");

        let missing = crate::compile(
            &spec,
            &"c".into(),
            &mut Members(|name: &Name| {
                Err(crate::MiddlewareError::Member { member: name.clone(), reason: "no such middleware".to_owned() })
            }),
        );
        assert_eq!(missing.unwrap_err().to_string(), "one of the chain: no such middleware");
    }

    #[test]
    fn every_request_carries_little() {
        let chain = Chain::default();
        assert!(chain.is_empty());
        let (mut exchange, fetch) = (exchange("GET", "/"), crate::testing::NoFetch);
        let mut user = None;
        let mut context = RequestContext::new(&ROUTER, &fetch, ForwardedFor::Append, &mut user);
        // Must be `Send`: workers may share tasks one day.
        fn size(future: impl Future + Send) -> usize {
            size_of_val(&future)
        }
        let request = size(chain.on_request(&mut exchange, &mut context));
        let response = size(chain.on_response(Passed::default(), Response::new(Body::Empty)));
        // Futures of rare kinds are boxed; these are copied with every request.
        assert!(request < 1024 && response < 2048, "{request} {response}");
    }
}

//! Chains that are cut give what they give in one piece.

use crate::respond::{Failure, respond};
use crate::service::test_kit::{NoFetch, ROUTER, no_servers};
use crate::service::{End, Internal, Pipeline, UpstreamRecord};
use async_trait::async_trait;
use flow_middleware::{
    Around, Body, Chain, Connection, Exchange, FailureKind, ForwardedFor, Middleware, MiddlewareError, Next,
    RequestContext, Resolve, ServeError, ServeFailure,
};
use flow_model::middleware::Middleware as Spec;
use flow_model::name::Name;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use proptest::prelude::*;
use std::sync::Arc;

/// Middlewares of two phases: some change, some remember, some respond.
const SPECS: &[&str] = &[
    r#"{"addPrefix": {"prefix": "/a"}}"#,
    r#"{"stripPrefix": {"prefixes": ["/a"]}}"#,
    r#"{"replacePathRegex": {"regex": "^/(.)", "replacement": "/${1}${1}"}}"#,
    r#"{"headers": {"customRequestHeaders": {"X-One": "1", "X-Two": ""}, "customResponseHeaders": {"X-By": "outer"}}}"#,
    r#"{"headers": {"customResponseHeaders": {"X-By": "inner", "Vary": ""}, "frameDeny": true}}"#,
    r#"{"headers": {"accessControlAllowOriginList": ["https://a.test"], "addVaryHeader": true}}"#,
    r#"{"headers": {"accessControlAllowOriginList": ["*"], "accessControlAllowMethods": ["GET"]}}"#,
    r#"{"headers": {"allowedHosts": ["example.test"], "stsSeconds": 5, "forceSTSHeader": true}}"#,
    r#"{"compress": {"minResponseBodyBytes": 1}}"#,
    r#"{"compress": {"encodings": ["gzip"], "excludedContentTypes": ["text/html"]}}"#,
    r#"{"ipAllowList": {"sourceRange": ["127.0.0.0/8"]}}"#,
    r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}}"#,
    r#"{"redirectScheme": {"scheme": "https"}}"#,
    r#"{"basicAuth": {"users": ["ann:{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0="]}}"#,
];

/// Those of which the outer one decides what the inner one writes.
const DEPENDENT: &[usize] = &[5, 8];

struct NoMembers;

impl Resolve for NoMembers {
    fn middleware(&mut self, name: &Name) -> Result<Arc<Middleware>, MiddlewareError> {
        unreachable!("{name}")
    }

    fn service(&mut self, name: &Name) -> Result<Arc<dyn flow_middleware::Service>, MiddlewareError> {
        unreachable!("{name}")
    }
}

/// Responds with the request as it arrives.
struct Echo;

#[async_trait]
impl Internal for Echo {
    async fn respond(&self, exchange: Exchange) -> Response<Body> {
        let text = format!("{} {} {:?}", exchange.head.method, exchange.head.uri, exchange.head.headers);
        Response::builder().header("content-type", "text/plain").body(Body::from(bytes::Bytes::from(text))).unwrap()
    }
}

/// Runs what follows a number of times, the last one for the client.
#[derive(Debug)]
struct Times(usize);

#[async_trait]
impl Around for Times {
    fn kind(&self) -> &'static str {
        "times"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        let head = exchange.head.clone();
        for _ in 1..self.0 {
            let _ = next.serve(exchange, context).await;
            exchange.head = head.clone();
        }
        next.serve(exchange, context).await
    }
}

fn step(spec: &str) -> Arc<Middleware> {
    let spec: Spec = serde_json::from_str(spec).unwrap();
    Arc::new(flow_middleware::compile(&spec, &"m@file".into(), &mut NoMembers).unwrap())
}

fn exchange(path: &str, headers: &HeaderMap) -> Exchange {
    let (mut head, ()) = Request::get(path).header("host", "example.test").body(()).unwrap().into_parts();
    head.headers.extend(headers.clone());
    let connection =
        Connection::new("127.0.0.1:40000".parse().unwrap(), "127.0.0.1:80".parse().unwrap(), None, "web".into());
    Exchange { head, body: Body::Empty, connection: Arc::new(connection), interim: None }
}

/// Status, headers and body of the response, and the user.
type Outcome = (StatusCode, HeaderMap, bytes::Bytes, Option<Box<str>>);

fn outcome(pipeline: &Pipeline, path: &str, headers: &HeaderMap) -> Outcome {
    let (mut exchange, mut user) = (exchange(path, headers), None);
    let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
    let mut upstream = UpstreamRecord::default();
    let served = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(pipeline.serve(
        &mut exchange,
        &mut context,
        &mut upstream,
    ));
    let (head, body) = served.unwrap().into_parts();
    (head.status, head.headers, body.collect().now_or_never().unwrap().unwrap().to_bytes(), user)
}

/// The steps with middlewares around the rest before those at `cuts`.
fn pipeline(steps: &[Arc<Middleware>], cuts: &[(usize, usize)]) -> Pipeline {
    let mut members = Vec::new();
    for index in 0..=steps.len() {
        let here = cuts.iter().filter(|(cut, _)| *cut == index);
        members.extend(here.map(|(_, times)| Arc::new(Middleware::Around(Arc::new(Times(*times))))));
        members.extend(steps.get(index).cloned());
    }
    Pipeline::new(Chain::new(members), End::Internal(Arc::new(Echo)))
}

proptest! {
    #[test]
    fn a_chain_cut_at_any_place_gives_what_the_uncut_one_gives(
        specs in prop::collection::vec(prop_oneof![0..SPECS.len(), prop::sample::select(DEPENDENT)], 0..6),
        cuts in prop::collection::vec((0..7_usize, 1..3_usize), 1..4),
        path in "/[ab]{0,2}",
        origin in prop::option::of(prop::sample::select(&["https://a.test", "https://b.test"][..])),
        encoding in prop::option::of(prop::sample::select(&["gzip", "br", "identity"][..])),
        authorization in prop::option::of(Just("Basic YW5uOnRlc3Q=")),
    ) {
        let mut headers = HeaderMap::new();
        let sent = [("origin", origin), ("accept-encoding", encoding), ("authorization", authorization)];
        for (name, value) in sent {
            headers.extend(value.map(|value| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())));
        }
        let steps: Vec<_> = specs.iter().map(|index| step(SPECS[*index])).collect();
        let cuts: Vec<_> = cuts.into_iter().map(|(at, times)| (at.min(steps.len()), times)).collect();
        let whole = outcome(&pipeline(&steps, &[]), &path, &headers);
        prop_assert_eq!(outcome(&pipeline(&steps, &cuts), &path, &headers), whole);
    }
}

/// Keeps what it sees of the rest.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<Result<Option<ServeFailure>, ServeFailure>>>);

#[async_trait]
impl Around for Seen {
    fn kind(&self) -> &'static str {
        "seen"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        let served = next.serve(exchange, context).await;
        self.0.lock().push(match &served {
            Ok(response) => Ok(ServeFailure::of(response)),
            Err(error) => Err(error.failure),
        });
        served
    }
}

#[tokio::test]
async fn a_failure_is_an_error_until_a_middleware_needs_a_response() {
    let (inner, outer) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let around = |seen: &Arc<Seen>| Arc::new(Middleware::Around(Arc::clone(seen) as Arc<dyn Around>));
    let members = [around(&outer), step(SPECS[4]), around(&inner)];
    let pipeline = Pipeline::new(Chain::new(members), End::Service(no_servers()));
    let (mut exchange, mut user) = (exchange("/", &HeaderMap::new()), None);
    let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
    let response = pipeline.serve(&mut exchange, &mut context, &mut UpstreamRecord::default()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-by"].to_str().unwrap()), (503, "inner"));
    let failure = ServeFailure { kind: FailureKind::NoServer, sent: false };
    assert_eq!(*inner.0.lock(), [Err(failure)]);
    assert_eq!(*outer.0.lock(), [Ok(Some(failure))]);

    let plain = Pipeline::new(Chain::default(), End::Service(no_servers()));
    let mut exchange = self::exchange("/", &HeaderMap::new());
    let error = plain.serve(&mut exchange, &mut context, &mut UpstreamRecord::default()).await.unwrap_err();
    assert_eq!(respond(&Failure::Serve(error)).status(), 503);
}

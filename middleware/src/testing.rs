//! Test helpers of several middlewares.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::chain::Chain;
use crate::middleware::Middleware;
use crate::{
    Body, Connection, Exchange, Fetch, FetchError, ForwardedFor, MiddlewareError, RequestContext, Resolve, Service,
    TlsSession,
};
use bytes::Bytes;
use flow_model::middleware::{ClientTls, Middleware as Spec};
use flow_model::name::Name;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A request from 127.0.0.1 over a plain connection to `example.test`.
pub(crate) fn exchange(method: &str, target: &str) -> Exchange {
    from("127.0.0.1:40000", method, target)
}

/// The same from another peer.
pub(crate) fn from(peer: &str, method: &str, target: &str) -> Exchange {
    let (head, ()) =
        Request::builder().method(method).uri(target).header("host", "example.test").body(()).unwrap().into_parts();
    let connection = Connection::new(peer.parse().unwrap(), "127.0.0.1:80".parse().unwrap(), None, "web".into());
    Exchange { head, body: Body::Empty, connection: Arc::new(connection), interim: None }
}

/// The same request over TLS.
pub(crate) fn over_tls(mut exchange: Exchange) -> Exchange {
    let mut connection = (*exchange.connection).clone();
    connection.tls = Some(TlsSession {
        server_name: "example.test".into(),
        version: "1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        options: "default".into(),
        peer_certificates: Arc::new([]),
    });
    exchange.connection = Arc::new(connection);
    exchange
}

/// Sets headers.
pub(crate) fn with(mut exchange: Exchange, headers: &[(&'static str, &str)]) -> Exchange {
    for (name, value) in headers {
        exchange.head.headers.append(*name, value.parse().unwrap());
    }
    exchange
}

/// Compiles one middleware from Traefik's YAML written as JSON.
pub(crate) fn compile(spec: &str) -> Result<Middleware, MiddlewareError> {
    let spec: Spec = serde_json::from_str(spec).unwrap();
    crate::compile(&spec, &"test@file".into(), &mut Members(|_: &Name| unreachable!("no chain")))
}

/// Finds members of a chain by a function.
pub(crate) struct Members<F>(pub(crate) F);

impl<F: FnMut(&Name) -> Result<Arc<Middleware>, MiddlewareError>> Resolve for Members<F> {
    fn middleware(&mut self, name: &Name) -> Result<Arc<Middleware>, MiddlewareError> {
        (self.0)(name)
    }

    fn service(&mut self, name: &Name) -> Result<Arc<dyn Service>, MiddlewareError> {
        unreachable!("{name}")
    }
}

/// A chain of middlewares from their specifications.
pub(crate) fn chain(specs: &[&str]) -> Chain {
    Chain::new(specs.iter().map(|spec| Arc::new(compile(spec).unwrap())))
}

/// The router of the requests in tests.
pub(crate) static ROUTER: LazyLock<Name> = LazyLock::new(|| Name::from("r@file"));

/// Fails the test if a middleware sends a request of its own.
pub(crate) struct NoFetch;

#[async_trait::async_trait]
impl Fetch for NoFetch {
    async fn fetch(
        &self,
        request: Request<Body>,
        _: Option<&Arc<ClientTls>>,
        _: Duration,
    ) -> Result<Response<Body>, FetchError> {
        unreachable!("{request:?}")
    }
}

/// Sends `exchange` through `chain` to a backend that responds with `backend`.
pub(crate) async fn run(
    chain: &Chain,
    exchange: &mut Exchange,
    backend: impl FnOnce(&Exchange) -> Response<Body>,
) -> Response<Body> {
    run_with(chain, exchange, &NoFetch, backend).await
}

/// The same with an implementation of [`Fetch`].
pub(crate) async fn run_with(
    chain: &Chain,
    exchange: &mut Exchange,
    fetch: &dyn Fetch,
    backend: impl FnOnce(&Exchange) -> Response<Body>,
) -> Response<Body> {
    run_for_user(chain, exchange, fetch, backend).await.0
}

/// The same with the user that a middleware authenticated.
pub(crate) async fn run_for_user(
    chain: &Chain,
    exchange: &mut Exchange,
    fetch: &dyn Fetch,
    backend: impl FnOnce(&Exchange) -> Response<Body>,
) -> (Response<Body>, Option<Box<str>>) {
    let mut user = None;
    let mut context = RequestContext::new(&ROUTER, fetch, ForwardedFor::Append, &mut user);
    let (passed, response) = match chain.on_request(exchange, &mut context).await {
        ControlFlow::Continue(passed) => (passed, backend(exchange)),
        ControlFlow::Break(early) => (early.passed, early.response),
    };
    (chain.on_response(passed, response).await, user)
}

/// The backend's plain response.
pub(crate) fn ok(_: &Exchange) -> Response<Body> {
    Response::new(Body::from("ok"))
}

/// True if the exchange got to the backend; the chain itself must not respond.
pub(crate) async fn passes(chain: &Chain, exchange: &mut Exchange) -> bool {
    let mut reached = false;
    let _ = run(chain, exchange, |_| {
        reached = true;
        Response::new(Body::Empty)
    })
    .await;
    reached
}

/// All bytes of a body.
pub(crate) async fn text(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// A header's value; empty if there is none.
pub(crate) fn header<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

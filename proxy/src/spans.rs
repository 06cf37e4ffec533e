//! The spans of the data plane: a connection, in it its requests, in each its attempts at a server.
//!
//! They are of level `debug`. While that is off, a span is a comparison with the process's level, and nothing else.
//! Their fields are what a filter selects by, such as `[request{router=shop-web@kubernetes}]=trace`.

use flow_model::config::IngressMetadata;
use http::request::Parts;
use std::net::SocketAddr;
use std::pin::Pin;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug_span};

/// A connection, from its acceptance to its end.
pub(crate) fn connection(entry_point: &str, peer: SocketAddr) -> Span {
    debug_span!("connection", entry_point, %peer)
}

/// A request, as the client sent it. Router and namespace come once they are known: see [`routed`].
pub(crate) fn request(entry_point: &str, head: &Parts) -> Span {
    debug_span!(
        "request",
        entry_point,
        method = head.method.as_str(),
        host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()),
        path = head.uri.path(),
        router = Empty,
        namespace = Empty,
    )
}

/// Notes the router that took the request, and its namespace if it comes from an Ingress.
pub(crate) fn routed(span: &Span, router: &str, ingress: Option<&IngressMetadata>, service: &str) {
    if span.is_disabled() {
        return;
    }
    span.record("router", router);
    if let Some(ingress) = ingress {
        span.record("namespace", &*ingress.namespace);
    }
    span.in_scope(|| tracing::debug!(service, "routed"));
}

/// One try to get a response from a server.
pub(crate) fn attempt(server: &str, number: u32) -> Span {
    debug_span!("attempt", server, number)
}

/// Awaits `future` in `span`.
pub(crate) async fn within<F: Future>(span: &Span, future: Pin<&mut F>) -> F::Output {
    if span.is_disabled() { future.await } else { future.instrument(span.clone()).await }
}

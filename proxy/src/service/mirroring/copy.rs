//! A request as its mirrors get it.

use crate::service::{Child, UpstreamRecord};
use bytes::Bytes;
use flow_middleware::fetch::Nowhere;
use flow_middleware::{Body, Connection, Exchange, Fetch, ForwardedFor, RequestContext};
use flow_model::name::Name;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The time after which a request to a mirror is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// The most copies of one request, those that mirrors mirror among them: nested ones would double them with each level.
pub(in crate::service) const MAX_COPIES: u32 = 100;

/// A request as its mirrors get it. It outlives the client's.
#[derive(Clone)]
pub(super) struct Copy {
    head: Parts,
    body: Bytes,
    connection: Arc<Connection>,
    router: Name,
    forwarded_for: ForwardedFor,
    fetch: Option<Arc<dyn Fetch>>,
    /// The value in the context at this place.
    encoded: bool,
    /// The number of all copies.
    copies: Arc<AtomicU32>,
}

impl Copy {
    pub(super) fn of(exchange: &Exchange, body: Bytes, context: &mut RequestContext<'_>) -> Self {
        let mut head = exchange.head.clone();
        if body.is_empty() {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove(TRANSFER_ENCODING);
        }
        // The body is here already.
        head.headers.remove(EXPECT);
        Self {
            head,
            body,
            connection: Arc::clone(&exchange.connection),
            router: Name::clone(context.router),
            forwarded_for: context.forwarded_for,
            fetch: context.fetch.shared(),
            encoded: context.encoded,
            copies: Arc::clone(context.copies.get_or_insert_default()),
        }
    }

    /// Counts one more copy; false if there are enough.
    pub(super) fn count(&self) -> bool {
        self.copies.fetch_add(1, Ordering::Relaxed) < MAX_COPIES
    }

    /// The qualified name of the router that took the request.
    pub(super) fn router(&self) -> &str {
        &self.router
    }

    /// Sends it to `mirror`, and drops the response.
    pub(super) async fn send(self, mirror: Arc<Child>, permit: OwnedSemaphorePermit) {
        let Self { head, body, connection, router, forwarded_for, fetch, encoded, copies } = self;
        let fetch = fetch.unwrap_or_else(|| Arc::new(Nowhere));
        let sending = async {
            let (mut user, mut record) = (None, UpstreamRecord::default());
            let mut context = RequestContext::new(&router, &*fetch, forwarded_for, &mut user);
            context.encoded = encoded;
            context.copies = Some(copies);
            let exchange = Exchange { head, body: Body::from(body), connection, interim: None };
            match mirror.serve_recorded(exchange, &mut context, &mut record).await {
                // Read to its end, so that the connection can be used again.
                Ok(response) => {
                    let mut body = response.into_body();
                    while let Some(Ok(_)) = body.frame().await {}
                }
                Err(error) => {
                    tracing::debug!(router = &*router, error = &error as &dyn std::error::Error, "not mirrored");
                }
            }
        };
        if tokio::time::timeout(PATIENCE, sending).await.is_err() {
            tracing::debug!(router = &*router, mirror = &**mirror.service().name(), "the mirror took too long");
        }
        drop(permit);
    }
}

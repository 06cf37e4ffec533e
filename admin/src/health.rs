//! `/ping`: the process is alive. `/ready`: it serves the configuration of its providers.

use crate::response;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

/// The state of readiness: ready once every source has synced and its routes are served.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readiness {
    /// Names of what is not ready yet; empty means ready.
    pub waiting_for: Vec<String>,
}

/// Traefik's ping: 200 `OK`, or another status while the process is stopping, so that load balancers turn away.
pub(crate) fn ping(stopping: bool, terminating_status: u16) -> Response<Bytes> {
    let status = if stopping { StatusCode::from_u16(terminating_status).ok() } else { None }.unwrap_or(StatusCode::OK);
    let body = if stopping { status.canonical_reason().unwrap_or_default() } else { "OK" };
    let mut response = response::text("text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response
}

/// 200 once everything known at the start is served, and from then on: if a source is lost later, its routes are still
/// served. 503 before that and while stopping.
pub(crate) fn ready(readiness: &Readiness, stopping: bool) -> Response<Bytes> {
    if stopping {
        return response::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "ready": false, "waitingFor": ["the end: stopping"] }),
        );
    }
    let ready = readiness.waiting_for.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response::json(status, &json!({ "ready": ready, "waitingFor": readiness.waiting_for }))
}

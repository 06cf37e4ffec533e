//! `/ping`: the process lives. `/ready`: it serves what its sources say.

use crate::answer;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

/// Whether every source has synced and its routes are served.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readiness {
    /// What is still waited for, in words; empty means ready.
    pub waiting_for: Vec<String>,
}

/// Traefik's ping: 200 `OK`, or another status once the process is stopping, so that load balancers turn away.
pub(crate) fn ping(stopping: bool, terminating_status: u16) -> Response<Bytes> {
    let status = if stopping { StatusCode::from_u16(terminating_status).ok() } else { None }.unwrap_or(StatusCode::OK);
    let body = if stopping { status.canonical_reason().unwrap_or_default() } else { "OK" };
    let mut response = answer::text("text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response
}

/// 200 once everything is served that was known at the start; it does not go back when a source is lost later, since
/// what is known goes on being served. 503 while stopping.
pub(crate) fn ready(readiness: &Readiness, stopping: bool) -> Response<Bytes> {
    if stopping {
        return answer::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "ready": false, "waitingFor": ["the end: stopping"] }),
        );
    }
    let ready = readiness.waiting_for.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &json!({ "ready": ready, "waitingFor": readiness.waiting_for }))
}

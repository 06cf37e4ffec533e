//! One check of one server by HTTP.

use super::check::Check;
use super::grpc;
use super::location::Location;
use crate::forward::{Endpoint, EndpointError, ForwardError, Transport, UpstreamRequest, send};
use flow_middleware::Body;
use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderValue, LOCATION, PROXY_AUTHORIZATION};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use std::time::Duration;

/// The number of redirections that are followed (Go's).
const REDIRECTIONS: usize = 10;

/// The bytes of a body that are read, and the time for them; the connection is closed over what is left.
const DRAIN_BYTES: usize = 16 * 1024;
const DRAIN_TIME: Duration = Duration::from_millis(100);

/// The reason why a server counts as down.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the status {0}")]
    Status(StatusCode),
    #[error("more than {REDIRECTIONS} redirections")]
    Redirections,
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error("the place to ask")]
    Endpoint(#[from] EndpointError),
    #[error("gRPC: {0}")]
    Grpc(String),
}

/// Checks `server`, a URL, once.
pub(super) async fn run(check: &Check, server: &str, transport: &Arc<Transport>) -> Result<(), Failure> {
    let asking = async {
        let place = Location::new(server, &check.config).ok_or(EndpointError::Url)?;
        if check.is_grpc() { grpc::ask(&place, transport).await } else { ask(check, place, transport).await }
    };
    let limit = check.timeout();
    tokio::time::timeout(limit, asking).await.unwrap_or(Err(Failure::TimedOut(limit)))
}

async fn ask(check: &Check, place: Location, transport: &Arc<Transport>) -> Result<(), Failure> {
    let (mut place, mut method) = (place, check.method.clone());
    let first = place.authority.clone();
    for _ in 0..=REDIRECTIONS {
        let is_first = place.authority == first;
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = method.clone();
        *request.headers_mut() = check.headers.clone();
        if !is_first {
            // Secrets are for the server alone.
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                request.headers_mut().remove(secret);
            }
        }
        if let Some(host) = check.host.as_ref().filter(|_| is_first) {
            request.headers_mut().insert(HOST, host.clone());
        }
        let (head, body) = exchange(&place, request, transport).await?.into_parts();
        // A server that logs resets need not see one for each check.
        let _ = tokio::time::timeout(DRAIN_TIME, drain(body)).await;
        let next = match head.status.as_u16() {
            301 | 302 | 303 | 307 | 308 if check.follows_redirects => head.headers.get(LOCATION),
            _ => None,
        };
        let Some(next) = next else {
            let is_up = match check.status {
                Some(status) => head.status == status,
                None => head.status.is_success() || head.status.is_redirection(),
            };
            return if is_up { Ok(()) } else { Err(Failure::Status(head.status)) };
        };
        let next = next.to_str().ok().and_then(|next| place.redirected(next));
        place = next.ok_or(Failure::Status(head.status))?;
        if !matches!(head.status.as_u16(), 307 | 308) && method != Method::HEAD {
            method = Method::GET;
        }
    }
    Err(Failure::Redirections)
}

/// Reads the beginning of a body, and drops it.
async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// Sends one request over a connection of its own.
pub(super) async fn exchange(
    place: &Location,
    mut request: Request<Body>,
    transport: &Arc<Transport>,
) -> Result<Response<Body>, Failure> {
    let endpoint = Arc::new(Endpoint::new(&format!("{}://{}", place.scheme, place.authority), false, transport)?);
    *request.uri_mut() = place.target.parse::<Uri>().map_err(|_| EndpointError::Url)?;
    if !request.headers().contains_key(HOST) {
        let host = HeaderValue::from_str(&place.authority).map_err(|_| EndpointError::Host)?;
        request.headers_mut().insert(HOST, host);
    }
    Ok(send(&endpoint, &mut UpstreamRequest::new(request, None, None)).await?)
}

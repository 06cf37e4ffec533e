//! The one place where failures become statuses, with Traefik's bodies.

use crate::forward::{FailureKind, ForwardError};
use crate::request::AdmitError;
use flow_middleware::Body;
use flow_middleware::response::{CLIENT_CLOSED_REQUEST, empty, http_error, status_text, unread};
use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};

/// The reason why there is no response from a backend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Forwarding to the backend failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The connection was made with other TLS options than the router's.
    #[error("the connection's TLS options are not those of the request's host")]
    Misdirected,
    /// No router takes the request.
    #[error("no router takes this request")]
    NoRoute,
    /// The entry point refuses the request.
    #[error(transparent)]
    Refused(#[from] AdmitError),
}

/// The response to the client.
pub(crate) fn respond(failure: &Failure) -> Response<Body> {
    match failure {
        Failure::Forward(error) => match error.kind() {
            FailureKind::ClientGone => {
                status_text(StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(StatusCode::BAD_REQUEST))
            }
            FailureKind::Malformed => {
                let mut response = status_text(StatusCode::BAD_REQUEST);
                // It is unclear where a next request would begin. Over HTTP/2 hyper drops this header.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
            FailureKind::Internal => status_text(StatusCode::INTERNAL_SERVER_ERROR),
            FailureKind::NoServer => http_error(StatusCode::SERVICE_UNAVAILABLE, "no available server"),
            FailureKind::TimedOut => status_text(StatusCode::GATEWAY_TIMEOUT),
            FailureKind::Unreachable => status_text(StatusCode::BAD_GATEWAY),
        },
        Failure::Misdirected => http_error(StatusCode::MISDIRECTED_REQUEST, "Misdirected Request"),
        Failure::NoRoute => http_error(StatusCode::NOT_FOUND, "404 page not found"),
        Failure::Refused(refusal) => match refusal {
            AdmitError::EncodedCharacter => empty(refusal.status()),
            AdmitError::Escape => unread(refusal.status(), "400 Bad Request"),
            AdmitError::Alias => http_error(refusal.status(), "Bad Request"),
        },
    }
}

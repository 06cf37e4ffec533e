//! The one place where failures become statuses, with Traefik's bodies.

use crate::request::AdmitError;
use flow_middleware::response::{empty, http_error, status_text, unread};
use flow_middleware::{Body, FailureKind, ServeError};
use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};

/// The reason why there is no response from a backend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The connection was made with other TLS options than the router's.
    #[error("the connection's TLS options are not those of the request's host")]
    Misdirected,
    /// No router takes the request.
    #[error("no router takes this request")]
    NoRoute,
    /// The entry point refuses the request.
    #[error(transparent)]
    Refused(#[from] AdmitError),
    /// No service responded.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The response to the client.
pub(crate) fn respond(failure: &Failure) -> Response<Body> {
    match failure {
        Failure::Misdirected => http_error(StatusCode::MISDIRECTED_REQUEST, "Misdirected Request"),
        Failure::NoRoute => http_error(StatusCode::NOT_FOUND, "404 page not found"),
        Failure::Refused(refusal) => match refusal {
            AdmitError::EncodedCharacter => empty(refusal.status()),
            AdmitError::Escape => unread(refusal.status(), "400 Bad Request"),
            AdmitError::Alias => http_error(refusal.status(), "Bad Request"),
        },
        Failure::Serve(error) => {
            let mut response = unserved(error.failure.kind);
            // For middlewares further out, which see a response and no error.
            response.extensions_mut().insert(error.failure);
            response
        }
    }
}

fn unserved(kind: FailureKind) -> Response<Body> {
    match kind {
        FailureKind::ClientGone | FailureKind::ClientPaused => status_text(kind.status()),
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
    }
}

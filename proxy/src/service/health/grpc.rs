//! One check of one server by gRPC's health protocol (`grpc.health.v1.Health/Check`).

use super::location::Location;
use super::request::{Failure, exchange};
use crate::forward::Transport;
use bytes::Bytes;
use flow_middleware::Body;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Limited};
use std::sync::Arc;

/// The method of gRPC's health service.
const METHOD: &str = "/grpc.health.v1.Health/Check";

/// The question: a message without fields asks for the server as a whole.
const QUESTION: &[u8] = &[0; 5];

/// The longest answer in bytes that is read.
const MAX_ANSWER: usize = 4096;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

pub(super) async fn ask(place: &Location, transport: &Arc<Transport>) -> Result<(), Failure> {
    let scheme = if place.scheme == "https" { "https" } else { "h2c" };
    let place = Location { scheme: scheme.to_owned(), target: METHOD.to_owned(), ..place.clone() };
    let mut request = Request::post("/").version(Version::HTTP_2).body(Body::from(Bytes::from_static(QUESTION)));
    if let Ok(request) = &mut request {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    }
    let request = request.map_err(|error| Failure::Grpc(error.to_string()))?;
    let (head, body) = exchange(&place, request, transport).await?.into_parts();
    if head.status != 200 {
        return Err(Failure::Status(head.status));
    }
    // An answer without a message has its status at once.
    verdict(&head.headers, None, &[]).unwrap_or(Ok(()))?;
    let answer = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| Failure::Grpc(error.to_string()))?;
    let trailers = answer.trailers().cloned().unwrap_or_default();
    let message = answer.to_bytes();
    verdict(&trailers, Some(()), &message).unwrap_or_else(|| Err(Failure::Grpc("no status".to_owned())))
}

/// The meaning of the status in `headers`, and of the message if it is known; `None` if there is no status.
fn verdict(headers: &HeaderMap, whole: Option<()>, message: &[u8]) -> Option<Result<(), Failure>> {
    let status = headers.get(GRPC_STATUS)?;
    Some(match (status.as_bytes(), whole) {
        (b"0", Some(())) if is_serving(message) => Ok(()),
        (b"0", Some(())) => Err(Failure::Grpc("it does not serve".to_owned())),
        (b"0", None) => Err(Failure::Grpc("no message".to_owned())),
        (b"12", _) => Err(Failure::Grpc("the health protocol is not implemented".to_owned())),
        (code, _) => Err(Failure::Grpc(format!("status {}", String::from_utf8_lossy(code)))),
    })
}

/// True if the message, in gRPC's frame of five bytes, has the field `status` with the value `SERVING`.
fn is_serving(framed: &[u8]) -> bool {
    /// Field 1 as a varint, and `SERVING`.
    const SERVING: &[u8] = &[0x08, 0x01];
    matches!(framed.split_at_checked(5), Some(([0, length @ ..], message))
        if length == (message.len() as u32).to_be_bytes() && message == SERVING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_is_one_message_of_one_field() {
        assert!(is_serving(&[0, 0, 0, 0, 2, 8, 1]));
        for other in [&[][..], &[0, 0, 0, 0, 2, 8, 2], &[0, 0, 0, 0, 0], &[1, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 3, 8, 1]]
        {
            assert!(!is_serving(other), "{other:?}");
        }
    }
}

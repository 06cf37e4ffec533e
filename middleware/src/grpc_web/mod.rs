//! Translates gRPC-Web, which browsers speak, to gRPC (`grpcWeb`;
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>).
//!
//! The two differ in the media type, in trailers, which become the last message of the response's body, and in that
//! a body may be in Base64 as a whole. The request's origin is treated by the rules of CORS.

mod cors;
mod request_body;
mod response_body;
#[cfg(test)]
mod tests;

use crate::flow::Flow;
use crate::{Body, Exchange, response, title_case};
use cors::Cors;
use flow_model::middleware as spec;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, Entry, HeaderName, HeaderValue, TE, TRAILER,
};
use http::{HeaderMap, Method, Response, StatusCode};
use request_body::{Broken, DecodedBody};
use response_body::WebBody;

const GRPC: &str = "application/grpc";
const WEB: &str = "application/grpc-web";
const TEXT: &str = "application/grpc-web-text";
const MARKER: &str = "x-grpc-web";

/// Translates gRPC-Web.
#[derive(Debug)]
pub struct GrpcWeb {
    cors: Cors,
}

/// The form of a call's bodies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Binary,
    Base64,
}

/// The facts about a call that its response depends on.
#[derive(Debug)]
pub(crate) struct Call {
    form: Form,
    /// The origin, if it is allowed.
    origin: Option<HeaderValue>,
    /// Knows if the request's body was no Base64.
    broken: Broken,
}

impl GrpcWeb {
    pub(crate) fn new(spec: &spec::GrpcWeb) -> Self {
        Self { cors: Cors::new(&spec.allow_origins) }
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow<Call> {
        let head = &exchange.head;
        let media_type = media_type(&head.headers);
        let is_call = head.method == Method::POST && media_type.starts_with(WEB);
        if !is_call && !asks_for_call(&head.method, &head.headers) {
            return Flow::Pass;
        }
        if let Some(response) = self.cors.preflight(&head.method, &head.headers) {
            return Flow::respond(response);
        }
        let (form, web) = if media_type.starts_with(TEXT) { (Form::Base64, TEXT) } else { (Form::Binary, WEB) };
        let origin = self.cors.allowed(&head.method, &head.headers);
        let broken = Broken::default();
        let translated = HeaderValue::try_from(media_type.replacen(web, GRPC, 1));
        let headers = &mut exchange.head.headers;
        if is_call && let Ok(translated) = translated {
            headers.insert(CONTENT_TYPE, translated);
            // Browsers cannot send it, and gRPC servers insist on it.
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        if form == Form::Base64 {
            headers.remove(CONTENT_LENGTH);
            exchange.body = Body::boxed(DecodedBody::new(std::mem::take(&mut exchange.body), broken.clone()));
        }
        Flow::Remember(Call { form, origin, broken })
    }

    pub(crate) fn on_response(call: Call, response: &mut Response<Body>) {
        let Call { form, origin, broken } = call;
        if broken.get() {
            // Over HTTP/2 the reason of a broken body is not known behind its stream.
            *response = response::http_error(StatusCode::BAD_REQUEST, response::text(StatusCode::BAD_REQUEST));
        }
        let headers = response.headers_mut();
        headers.remove(TRAILER);
        headers.remove(CONTENT_LENGTH);
        if let Entry::Occupied(mut media_type) = headers.entry(CONTENT_TYPE) {
            let web = if form == Form::Base64 { TEXT } else { WEB };
            let translated = media_type.get().to_str().ok().map(|value| value.replacen(GRPC, web, 1));
            if let Some(Ok(translated)) = translated.map(HeaderValue::try_from) {
                media_type.insert(translated);
            }
        }
        Cors::mark(origin, headers);
        expose_all(headers);
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = Body::boxed(WebBody::new(body, form));
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// True for the question of a browser that is about to make a call.
fn asks_for_call(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers
            .get(http::header::ACCESS_CONTROL_REQUEST_HEADERS)
            .and_then(|names| names.to_str().ok())
            .is_some_and(|names| names.to_ascii_lowercase().contains(MARKER))
}

/// Lets scripts read every header, and the status that the body ends with.
fn expose_all(headers: &mut HeaderMap) {
    let mut names = Vec::new();
    for name in headers.keys().filter(|name| **name != ACCESS_CONTROL_EXPOSE_HEADERS) {
        write_name(name, &mut names);
    }
    names.extend_from_slice(b"grpc-status, grpc-message");
    if let Ok(names) = HeaderValue::try_from(names) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

fn write_name(name: &HeaderName, names: &mut Vec<u8>) {
    title_case(name, names);
    names.extend_from_slice(b", ");
}

//! The kind of exchange of a request, for metric labels with few values.

use http::{HeaderMap, Method, header};

/// The `protocol` label.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// gRPC-Web.
    GrpcWeb,
    /// Everything else.
    Http,
    /// Server-sent events.
    Sse,
    /// WebSocket.
    WebSocket,
}

impl Protocol {
    /// Detects the kind by the request's headers, like Traefik.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let is = |name, wanted: &[u8]| headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(wanted));
        if headers.contains_key(header::UPGRADE) && is(header::UPGRADE, b"websocket") {
            return Self::WebSocket;
        }
        if is(header::ACCEPT, b"text/event-stream") {
            return Self::Sse;
        }
        let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        if content_type.starts_with(b"application/grpc-web") {
            Self::GrpcWeb
        } else if content_type.starts_with(b"application/grpc") {
            Self::Grpc
        } else {
            Self::Http
        }
    }

    /// The label's value.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Http => "http",
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

/// The `method` label: the known methods, and one value for all others, so that clients cannot create series.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        ref other if other.as_str() == "PRI" => "PRI",
        _ => "EXTENSION_METHOD",
    }
}

//! The parsers of bytes that anybody may send, for the fuzzers in the folder `fuzz`. Each function takes any bytes, and
//! panics if a property does not hold. The tests beside the parsers call the same with generated input.

/// HTTP/1.1 requests: the scanner before hyper reads the same whole and in pieces.
pub fn requests(data: &[u8]) {
    crate::serve::fuzz::requests(data);
}

/// A backend's response over HTTP/1.1: it is the same whole and in pieces.
pub fn response(data: &[u8]) {
    crate::forward::fuzz::response(data);
}

/// The PROXY protocol: a header is not judged before it is whole.
pub fn proxy_protocol(data: &[u8]) {
    crate::listener::fuzz::proxy_protocol(data);
}

/// A request's path: its normal form is normal.
pub fn path(data: &[u8]) {
    crate::request::fuzz::path(data);
}

/// A router's rule: it compiles, or the error is within its text.
pub fn rule(data: &[u8]) {
    crate::router::fuzz::rule(data);
}

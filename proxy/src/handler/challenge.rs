//! Responses to a certificate authority's challenges (ACME HTTP-01, RFC 8555 §8.3), given before redirects, routers and
//! middlewares, so that none of them can interfere.

use crate::router::canonical_host;
use bytes::Bytes;
use flow_middleware::Body;
use flow_model::challenge::{ChallengeLookup, HTTP01_PREFIX};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response};

static NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// The response, if the request asks for one of our tokens.
pub(super) fn response(challenges: &dyn ChallengeLookup, head: &Parts) -> Option<Response<Body>> {
    let token = head.uri.path().strip_prefix(HTTP01_PREFIX)?;
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    // An IPv6 address is in brackets before a port, and without them in a certificate.
    let host = canonical_host(head.headers.get(HOST)?.to_str().ok()?);
    let proof = challenges.response(&host, token)?;
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(proof.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(&NOSNIFF, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    Some(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::Request;
    use std::sync::Arc;

    struct One;

    impl ChallengeLookup for One {
        fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
            (matches!(host, "a.test" | "::1") && token == "t0ken").then(|| "t0ken.print".into())
        }
    }

    fn ask(method: Method, host: &str, target: &str) -> Option<Response<Body>> {
        let request = Request::builder().method(method).uri(target).header(HOST, host).body(()).unwrap();
        response(&One, &request.into_parts().0)
    }

    #[test]
    fn a_token_of_ours_is_answered_for_its_host_only() {
        let target = "/.well-known/acme-challenge/t0ken";
        let response = ask(Method::GET, "A.test:80", target).unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert!(ask(Method::HEAD, "[::1]:80", target).is_some());
        assert!(ask(Method::HEAD, "::1", target).is_some());
        assert!(ask(Method::GET, "b.test", target).is_none());
        assert!(ask(Method::POST, "a.test", target).is_none());
        assert!(ask(Method::GET, "a.test", "/.well-known/acme-challenge/other").is_none());
        assert!(ask(Method::GET, "a.test", "/t0ken").is_none());
    }
}

use super::redirect;
use crate::flow::Flow;
use crate::{Exchange, MiddlewareError, path};
use flow_model::middleware as spec;
use http::header::HeaderName;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Redirects to another scheme.
#[derive(Debug)]
pub struct RedirectScheme {
    /// With `://`.
    scheme: String,
    /// With its `:`; empty for the scheme's default port.
    port: String,
    permanent: bool,
}

impl RedirectScheme {
    pub(crate) fn new(spec: &spec::RedirectScheme) -> Result<Self, MiddlewareError> {
        if spec.scheme.is_empty() {
            return Err(MiddlewareError::Missing { field: "scheme" });
        }
        let is_own = matches!((&*spec.scheme, &*spec.port), (_, "") | ("http", "80") | ("https", "443"));
        Ok(Self {
            scheme: format!("{}://", spec.scheme),
            port: if is_own { String::new() } else { format!(":{}", spec.port) },
            permanent: spec.permanent,
        })
    }

    pub(crate) fn on_request(&self, exchange: &Exchange) -> Flow {
        let (host, port) = split_port(exchange.host());
        let scheme = scheme(exchange);
        let port = match (scheme, port) {
            ("http://", ":80") | ("https://", ":443") => "",
            _ => port,
        };
        let uri = &*path::written_uri(exchange);
        let old = [scheme, host, port, uri].concat();
        let new = [&*self.scheme, host, &self.port, uri].concat();
        redirect(exchange, &old, &new, self.permanent)
    }
}

/// The client's scheme, taken from a trusted proxy before us if it says so (`ws` was `http` before its upgrade).
pub(crate) fn scheme(exchange: &Exchange) -> &'static str {
    let said = exchange.head.headers.get(FORWARDED_PROTO).map_or(&b""[..], |value| value.as_bytes());
    let is = |name: &[u8]| said.eq_ignore_ascii_case(name);
    if is(b"http") || is(b"ws") {
        "http://"
    } else if is(b"https") || is(b"wss") || exchange.is_tls() {
        "https://"
    } else {
        "http://"
    }
}

/// Host and `:port`, split as by Go's `net.SplitHostPort`.
fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(at) if !host[..at].contains(':') || host[..at].ends_with(']') => host.split_at(at),
        _ => (host, ""),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::testing::{chain, compile, exchange, header, ok, over_tls, passes, run, text, with};

    async fn location(spec: &str, exchange: &mut crate::Exchange) -> (u16, String) {
        let response = run(&chain(&[spec]), exchange, ok).await;
        (response.status().as_u16(), header(response.headers(), "location").to_owned())
    }

    #[tokio::test]
    async fn keeps_host_and_target_and_changes_the_scheme() {
        let spec = r#"{"redirectScheme": {"scheme": "https"}}"#;
        let wanted = |status, url: &str| (status, url.to_owned());
        assert_eq!(location(spec, &mut exchange("GET", "/a?b")).await, wanted(302, "https://example.test/a?b"));
        assert_eq!(location(spec, &mut exchange("HEAD", "/")).await, wanted(307, "https://example.test/"));
        let mut with_port = exchange("GET", "/");
        with_port.head.headers.insert("host", "example.test:8080".parse().unwrap());
        assert_eq!(location(spec, &mut with_port).await, wanted(302, "https://example.test/"));
        let spec = r#"{"redirectScheme": {"scheme": "https", "port": "8443", "permanent": true}}"#;
        assert_eq!(location(spec, &mut exchange("GET", "/")).await, wanted(301, "https://example.test:8443/"));
        assert_eq!(location(spec, &mut exchange("PUT", "/")).await, wanted(308, "https://example.test:8443/"));
        let response = run(&chain(&[spec]), &mut exchange("PUT", "/"), ok).await;
        assert_eq!(text(response).await, "Permanent Redirect");
    }

    #[tokio::test]
    async fn an_own_port_is_left_out() {
        let spec = r#"{"redirectScheme": {"scheme": "https", "port": "443"}}"#;
        assert_eq!(location(spec, &mut exchange("GET", "/")).await.1, "https://example.test/");
        let mut v6 = exchange("GET", "/");
        v6.head.headers.insert("host", "[::1]:8080".parse().unwrap());
        assert_eq!(location(spec, &mut v6).await.1, "https://[::1]/");
        v6.head.headers.insert("host", "[::1]".parse().unwrap());
        assert_eq!(location(spec, &mut v6).await.1, "https://[::1]/");
    }

    #[tokio::test]
    async fn who_is_there_already_goes_on() {
        let chain = chain(&[r#"{"redirectScheme": {"scheme": "https"}}"#]);
        assert!(passes(&chain, &mut over_tls(exchange("GET", "/"))).await);
        for (said, goes_on) in [("https", true), ("WSS", true), ("ws", false), ("gopher", false)] {
            let mut exchange = with(exchange("GET", "/"), &[("x-forwarded-proto", said)]);
            assert_eq!(passes(&chain, &mut exchange).await, goes_on, "{said}");
        }
        let mut said_http = with(over_tls(exchange("GET", "/")), &[("x-forwarded-proto", "http")]);
        assert!(!passes(&chain, &mut said_http).await);
        assert!(compile(r#"{"redirectScheme": {}}"#).is_err());
    }
}

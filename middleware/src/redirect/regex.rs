use super::redirect;
use crate::flow::Flow;
use crate::pattern::{self, Pattern, Replacement};
use crate::{Exchange, MiddlewareError, path, response};
use flow_model::middleware as spec;
use http::StatusCode;

/// Redirects by a regular expression on the whole URL.
#[derive(Debug)]
pub struct RedirectRegex {
    pattern: Pattern,
    replacement: Replacement,
    permanent: bool,
}

impl RedirectRegex {
    pub(crate) fn new(spec: &spec::RedirectRegex) -> Result<Self, MiddlewareError> {
        Ok(Self {
            pattern: pattern::compile(&spec.regex)?,
            replacement: Replacement::new(&spec.replacement)?,
            permanent: spec.permanent,
        })
    }

    pub(crate) fn on_request(&self, exchange: &Exchange) -> Flow {
        // Unlike redirectScheme, this ignores X-Forwarded-Proto.
        let scheme = if exchange.is_tls() { "https://" } else { "http://" };
        let url = [scheme, exchange.host(), &path::written_uri(exchange)].concat();
        if !self.pattern.is_match(&url) {
            return Flow::Pass;
        }
        let Some(target) = self.replacement.replace_all(&self.pattern, &url) else {
            return Flow::respond(response::http_error(StatusCode::INTERNAL_SERVER_ERROR, "the new URL is too long"));
        };
        redirect(exchange, &url, &target, self.permanent)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::testing::{chain, compile, exchange, header, ok, over_tls, passes, run, text, with};

    #[tokio::test]
    async fn rewrites_the_whole_url() {
        let spec = r#"{"redirectRegex": {"regex": "^https?://example.test/old/(.*)", "replacement": "https://new.test/${1}"}}"#;
        let chain = chain(&[spec]);
        let response = run(&chain, &mut exchange("GET", "/old/a?b=c"), ok).await;
        assert_eq!(
            (response.status().as_u16(), header(response.headers(), "location")),
            (302, "https://new.test/a?b=c")
        );
        assert_eq!(text(response).await, "Found");
        let response = run(&chain, &mut over_tls(exchange("POST", "/old/")), ok).await;
        assert_eq!((response.status().as_u16(), header(response.headers(), "location")), (307, "https://new.test/"));
        assert!(passes(&chain, &mut exchange("GET", "/other")).await);
    }

    #[tokio::test]
    async fn goes_by_what_the_client_wrote_until_the_path_changes() {
        let redirect = r#"{"redirectRegex": {"regex": "^http://[^/]+/(.*)", "replacement": "https://app.test/#/$1"}}"#;
        let written = || {
            let mut exchange = exchange("GET", "/pre/a%2Fb?x&y");
            exchange.head.extensions.insert(crate::WrittenQuery("x;y".into()));
            exchange
        };
        let response = run(&chain(&[redirect]), &mut written(), ok).await;
        assert_eq!(header(response.headers(), "location"), "https://app.test/#/pre/a%2Fb?x;y");
        let strip = r#"{"stripPrefix": {"prefixes": ["/pre"]}}"#;
        let response = run(&chain(&[strip, redirect]), &mut written(), ok).await;
        assert_eq!(header(response.headers(), "location"), "https://app.test/#/a%2Fb?x&y");
    }

    #[tokio::test]
    async fn looks_at_the_connection_and_not_at_headers() {
        let chain =
            chain(&[r#"{"redirectRegex": {"regex": "^http://", "replacement": "https://", "permanent": true}}"#]);
        let mut said = with(exchange("GET", "/"), &[("x-forwarded-proto", "https")]);
        assert_eq!(run(&chain, &mut said, ok).await.status(), 301);
        assert!(passes(&chain, &mut over_tls(exchange("GET", "/"))).await);
    }

    #[tokio::test]
    async fn goes_on_where_nothing_changes_and_fails_where_no_url_comes_out() {
        let same = chain(&[r#"{"redirectRegex": {"regex": "test/a", "replacement": "test/a"}}"#]);
        assert!(passes(&same, &mut exchange("GET", "/a")).await);
        let broken = chain(&[r#"{"redirectRegex": {"regex": ".*", "replacement": "http://x/%zz"}}"#]);
        assert_eq!(run(&broken, &mut exchange("GET", "/"), ok).await.status(), 502);
        assert!(compile(r#"{"redirectRegex": {"regex": "(", "replacement": "x"}}"#).is_err());
    }
}

//! Refuses requests with some percent-encoded characters in the path (`encodedCharacters`).

use crate::flow::Flow;
use crate::{Exchange, path, response};
use flow_model::entry_point;
use flow_model::middleware as spec;
use http::StatusCode;

/// Refuses requests with some percent-encoded characters in the path.
#[derive(Debug)]
pub struct EncodedCharacters(entry_point::EncodedCharacters);

impl EncodedCharacters {
    pub(crate) fn new(spec: spec::EncodedCharacters) -> Self {
        Self(spec.into())
    }

    pub(crate) fn on_request(&self, exchange: &Exchange) -> Flow {
        if self.0.allow(path::current(exchange)) {
            return Flow::Pass;
        }
        Flow::respond(response::empty(StatusCode::BAD_REQUEST))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::testing::{chain, exchange, ok, run};

    #[tokio::test]
    async fn what_is_not_allowed_is_refused() {
        let none = chain(&[r#"{"encodedCharacters": {}}"#]);
        for (target, status) in [
            ("/a%2Fb", 400),
            ("/a%5Cb", 400),
            ("/%00", 400),
            ("/a%3Bb", 400),
            ("/100%25", 400),
            ("/a%3Fb", 400),
            ("/a%23b", 400),
            ("/a%20b?x=%2F", 200),
            ("/plain", 200),
        ] {
            let response = run(&none, &mut exchange("GET", target), ok).await;
            assert_eq!(response.status().as_u16(), status, "{target}");
            assert!(status == 200 || response.headers().is_empty());
        }
        let slash = chain(&[r#"{"encodedCharacters": {"allowEncodedSlash": true}}"#]);
        for (target, status) in [("/a%2Fb", 200), ("/a%2Fb%5C", 400)] {
            assert_eq!(run(&slash, &mut exchange("GET", target), ok).await.status().as_u16(), status, "{target}");
        }
    }
}

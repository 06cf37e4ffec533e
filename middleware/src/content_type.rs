//! Guesses the type of responses that have none (`contentType`).
//!
//! Go's server does so for every response; Traefik turns it off, and this middleware turns it on again.

use crate::beginning::{First, first, put_back};
use crate::{Body, sniff};
use flow_model::middleware as spec;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

/// Guesses the type of responses that have none.
#[derive(Debug)]
pub struct ContentType {
    is_on: bool,
}

impl ContentType {
    pub(crate) fn new(spec: spec::ContentType) -> Self {
        Self { is_on: spec.auto_detect != Some(false) }
    }

    /// Sets the type by the first bytes, if there are any within the interval after which Traefik sends the head alone.
    pub(crate) async fn on_response(&self, response: &mut Response<Body>) {
        let headers = response.headers();
        let is_encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.is_empty());
        if !self.is_on || is_encoded || headers.contains_key(CONTENT_TYPE) || !may_have_body(response.status()) {
            return;
        }
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = match first(body, true).await {
            First::Data(data, rest) => {
                let media_type = HeaderValue::from_static(sniff::content_type(&data));
                response.headers_mut().insert(CONTENT_TYPE, media_type);
                put_back(Some(data), rest)
            }
            First::End(rest) | First::Late(rest) => rest,
        };
    }
}

fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::Body;
    use crate::body::BodyError;
    use crate::testing::{chain, exchange, header, run, text};
    use bytes::Bytes;
    use futures_util::stream;
    use http::Response;
    use http_body::Frame;
    use http_body_util::StreamBody;

    const ON: &str = r#"{"contentType": {}}"#;

    fn builder() -> http::response::Builder {
        Response::builder()
    }

    async fn guessed(specs: &[&str], backend: Response<Body>) -> Response<Body> {
        run(&chain(specs), &mut exchange("GET", "/"), |_| backend).await
    }

    #[tokio::test]
    async fn a_response_without_a_type_gets_one() {
        for (status, body, wanted) in [
            (200, "<html>", "text/html; charset=utf-8"),
            (404, "{}", "text/plain; charset=utf-8"),
            (200, "\u{1}\u{2}", "application/octet-stream"),
            (200, "", ""),
            (304, "odd", ""),
        ] {
            let response = guessed(&[ON], builder().status(status).body(Body::from(body)).unwrap()).await;
            assert_eq!(header(response.headers(), "content-type"), wanted, "{body:?}");
            assert_eq!(text(response).await, body);
        }
    }

    #[tokio::test]
    async fn what_has_a_type_or_an_encoding_keeps_it() {
        for (name, value, wanted) in [
            ("content-type", "application/x", "application/x"),
            ("content-type", "", ""),
            ("content-encoding", "br", ""),
            ("content-encoding", "", "text/plain; charset=utf-8"),
        ] {
            let response = guessed(&[ON], builder().header(name, value).body(Body::from("abc")).unwrap()).await;
            assert_eq!(header(response.headers(), "content-type"), wanted, "{name}: {value}");
        }
        for off in [r#"{"contentType": {"autoDetect": false}}"#, r#"{"addPrefix": {"prefix": "/a"}}"#] {
            let response = guessed(&[off], builder().body(Body::from("abc")).unwrap()).await;
            assert_eq!(header(response.headers(), "content-type"), "");
        }
        let on = r#"{"contentType": {"autoDetect": true}}"#;
        let response = guessed(&[on], builder().body(Body::from("abc")).unwrap()).await;
        assert_eq!(header(response.headers(), "content-type"), "text/plain; charset=utf-8");
    }

    #[tokio::test]
    async fn responses_of_later_middlewares_are_looked_at_too() {
        let deny = r#"{"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}"#;
        let response = guessed(&[ON, deny], Response::default()).await;
        assert_eq!(header(response.headers(), "content-type"), "text/plain; charset=utf-8");
        let response = guessed(&[deny, ON], Response::default()).await;
        assert_eq!(header(response.headers(), "content-type"), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_holds_nothing_up() {
        let never = stream::pending::<Result<Frame<Bytes>, BodyError>>();
        let response = guessed(&[ON], builder().body(Body::boxed(StreamBody::new(never))).unwrap()).await;
        assert_eq!(header(response.headers(), "content-type"), "");
        let broken = stream::iter([Err::<Frame<Bytes>, BodyError>("cut short".into())]);
        let response = guessed(&[ON], builder().body(Body::boxed(StreamBody::new(broken))).unwrap()).await;
        assert_eq!(header(response.headers(), "content-type"), "");
        assert!(http_body_util::BodyExt::collect(response.into_body()).await.is_err());
    }
}

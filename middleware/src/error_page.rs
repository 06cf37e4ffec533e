//! Responds to errors with pages of another service (`errors`).

use crate::redirect::scheme;
use crate::status::Statuses;
use crate::{
    Around, Body, Exchange, MiddlewareError, Next, RequestContext, ServeError, Service, path, query, response,
    status_of,
};
use async_trait::async_trait;
use flow_model::middleware as spec;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use std::fmt;
use std::sync::Arc;

/// Responds to errors with pages of another service.
pub struct ErrorPage {
    statuses: Statuses,
    rewrites: Vec<(Statuses, StatusCode)>,
    service: Arc<dyn Service>,
    query: String,
    /// The headers that the service gets; `None` is all. It always gets `Host`.
    headers: Option<Vec<HeaderName>>,
}

impl ErrorPage {
    pub(crate) fn new(spec: &spec::ErrorPage, service: Arc<dyn Service>) -> Result<Self, MiddlewareError> {
        let rewrite = |(from, to): (&String, &u16)| {
            let to = StatusCode::from_u16(*to).map_err(|_| MiddlewareError::Status(*to))?;
            Ok((Statuses::new(std::slice::from_ref(from))?, to))
        };
        let name = |text: &String| HeaderName::try_from(text).map_err(|_| MiddlewareError::HeaderName(text.clone()));
        let headers = spec.error_request_headers.as_ref().map(|names| names.iter().map(name).collect());
        Ok(Self {
            statuses: Statuses::new(&spec.status)?,
            rewrites: spec.status_rewrites.iter().map(rewrite).collect::<Result<_, MiddlewareError>>()?,
            service,
            query: spec.query.clone(),
            headers: headers.transpose()?,
        })
    }

    /// The request for the page of an error that the client sees as `status`, of a request for `url`; `None` if the
    /// query is no target.
    fn page(&self, head: &Parts, url: &str, status: StatusCode, original: StatusCode) -> Option<Request<Body>> {
        let target = self.query.strip_prefix('/').unwrap_or(&self.query);
        let target = target.replace("{status}", status.as_str()).replace("{originalStatus}", original.as_str());
        let mut page = Request::new(Body::Empty);
        *page.uri_mut() =
            format!("/{}", target.replace("{url}", &query::escape(url.as_bytes()))).parse::<Uri>().ok()?;
        *page.method_mut() = Method::GET;
        let is_wanted = |name: &HeaderName| match &self.headers {
            // Those of the body and of the connection are not the page's.
            None => ![CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE].contains(name),
            Some(names) => names.contains(name) || name == HOST,
        };
        for (name, value) in head.headers.iter().filter(|(name, _)| is_wanted(name)) {
            page.headers_mut().append(name.clone(), value.clone());
        }
        Some(page)
    }
}

#[async_trait]
impl Around for ErrorPage {
    fn kind(&self) -> &'static str {
        "errors"
    }

    async fn serve(
        &self,
        exchange: &mut Exchange,
        context: &mut RequestContext<'_>,
        next: &mut dyn Next,
    ) -> Result<Response<Body>, ServeError> {
        let head = exchange.head.clone();
        let served = next.serve(exchange, context).await;
        let original = status_of(&served);
        if !self.statuses.contains(original) {
            return served;
        }
        drop(served);
        let rewritten = self.rewrites.iter().find(|(statuses, _)| statuses.contains(original));
        let status = rewritten.map_or(original, |(_, status)| *status);
        exchange.head = head;
        let url = [scheme(exchange), exchange.host(), path::request_uri(exchange)].concat();
        let Some(page) = self.page(&exchange.head, &url, status, original) else {
            return Ok(response::http_error(status, response::text(status)));
        };
        (exchange.head, exchange.body) = page.into_parts();
        let mut page = match self.service.serve(exchange, context).await {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(router = &**context.router, error = &error as &dyn std::error::Error, "no error page");
                response::status_text(status)
            }
        };
        *page.status_mut() = status;
        Ok(page)
    }
}

impl fmt::Debug for ErrorPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorPage")
            .field("statuses", &self.statuses)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{NoFetch, ROUTER, exchange, text, with};
    use crate::{FailureKind, ForwardedFor, ServeFailure};
    use bytes::Bytes;
    use parking_lot::Mutex;

    /// Responds with the request that it got, or not at all.
    #[derive(Default)]
    struct Pages {
        are_gone: bool,
        asked: Mutex<Option<Parts>>,
    }

    #[async_trait]
    impl Service for Pages {
        async fn serve(
            &self,
            exchange: &mut Exchange,
            _: &mut RequestContext<'_>,
        ) -> Result<Response<Body>, ServeError> {
            let exchange = exchange.take();
            let target = format!("{} {}", exchange.head.method, exchange.head.uri);
            *self.asked.lock() = Some(exchange.head);
            if self.are_gone {
                let failure = ServeFailure { kind: FailureKind::Unreachable, sent: false };
                return Err(ServeError::new(failure, "refused"));
            }
            Ok(Response::builder().header("x-page", "1").body(Body::from(Bytes::from(target))).unwrap())
        }
    }

    /// A backend that responds with a status, or fails.
    struct Backend(Result<u16, FailureKind>);

    #[async_trait]
    impl Next for Backend {
        async fn serve(
            &mut self,
            exchange: &mut Exchange,
            _: &mut RequestContext<'_>,
        ) -> Result<Response<Body>, ServeError> {
            exchange.head.headers.clear();
            match self.0 {
                Ok(status) => Ok(response::bare(StatusCode::from_u16(status).unwrap(), Body::from("the backend's"))),
                Err(kind) => Err(ServeError::new(ServeFailure { kind, sent: true }, "broken")),
            }
        }
    }

    /// Status and body that the client gets.
    async fn ask(spec: &str, pages: &Arc<Pages>, backend: Result<u16, FailureKind>) -> (u16, Bytes) {
        let spec = serde_json::from_str(spec).unwrap();
        let errors = ErrorPage::new(&spec, Arc::clone(pages) as Arc<dyn Service>).unwrap();
        let headers = [("accept", "text/html"), ("content-length", "3"), ("x-foo", "bar"), ("upgrade", "websocket")];
        let mut request = with(exchange("POST", "/a b?x=~*".replace(' ', "%20").as_str()), &headers);
        request.body = Body::from("abc");
        let mut user = None;
        let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
        let served = errors.serve(&mut request, &mut context, &mut Backend(backend)).await;
        let response = served.unwrap_or_else(|error| response::empty(error.failure.kind.status()));
        (response.status().as_u16(), text(response).await)
    }

    #[tokio::test]
    async fn a_page_takes_the_place_of_an_error() {
        let pages = Arc::default();
        let spec = r#"{"status": ["500-599"], "query": "/{status}.html?from={url}&was={originalStatus}"}"#;
        let page = "GET /503.html?from=http%3A%2F%2Fexample.test%2Fa%2520b%3Fx%3D~%2A&was=503";
        assert_eq!(ask(spec, &pages, Ok(503)).await, (503, Bytes::from(page)));
        assert_eq!(ask(spec, &pages, Ok(404)).await, (404, Bytes::from("the backend's")));
        let (status, body) = ask(spec, &pages, Err(FailureKind::Unreachable)).await;
        assert!(status == 502 && body.starts_with(b"GET /502.html"), "{body:?}");
        assert_eq!(ask(r#"{"status": ["404"]}"#, &pages, Ok(404)).await, (404, Bytes::from("GET /")));
    }

    #[tokio::test]
    async fn statuses_are_rewritten_for_the_client_and_the_page() {
        let spec = r#"{"status": ["400-499"], "statusRewrites": {"418": 404, "410-417": 410}, "query": "{status}-{originalStatus}"}"#;
        let pages = Arc::default();
        assert_eq!(ask(spec, &pages, Ok(418)).await, (404, Bytes::from("GET /404-418")));
        assert_eq!(ask(spec, &pages, Ok(411)).await, (410, Bytes::from("GET /410-411")));
        assert_eq!(ask(spec, &pages, Ok(400)).await, (400, Bytes::from("GET /400-400")));
    }

    #[tokio::test]
    async fn the_service_gets_the_headers_it_may() {
        for (more, wanted) in [
            ("", &["accept", "host", "x-foo"][..]),
            (r#", "errorRequestHeaders": ["X-Foo"]"#, &["host", "x-foo"]),
            (r#", "errorRequestHeaders": []"#, &["host"]),
        ] {
            let pages = Arc::<Pages>::default();
            ask(&format!(r#"{{"status": ["500"]{more}}}"#), &pages, Ok(500)).await;
            let head = pages.asked.lock().take().unwrap();
            let mut names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, wanted, "{more}");
        }
    }

    #[tokio::test]
    async fn without_a_page_the_status_is_told() {
        let gone = Arc::new(Pages { are_gone: true, ..Pages::default() });
        let (status, body) = ask(r#"{"status": ["500"], "statusRewrites": {"500": 404}}"#, &gone, Ok(500)).await;
        assert_eq!((status, body), (404, Bytes::from("Not Found")));
        let (status, body) = ask(r#"{"status": ["500"], "query": "a b"}"#, &Arc::default(), Ok(500)).await;
        assert_eq!((status, body), (500, Bytes::from("Internal Server Error\n")));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in [
            r#"{"status": ["all"]}"#,
            r#"{"statusRewrites": {"4xx": 404}}"#,
            r#"{"statusRewrites": {"404": 7}}"#,
            r#"{"errorRequestHeaders": ["not a name"]}"#,
        ] {
            let spec = serde_json::from_str(wrong).unwrap();
            assert!(ErrorPage::new(&spec, Arc::new(Pages::default())).is_err(), "{wrong}");
        }
    }
}

//! HTTP to one server: timeouts, limits, errors with their headers, and nonces kept for the next request.

use crate::ca::{CaError, Directory, Problem, Timeouts};
use bytes::Bytes;
use http::header::{HeaderName, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, response::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use serde::Deserialize;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of a response body, in bytes. A chain has about 6 KiB, and no other ACME response is longer.
const MAX_BODY: usize = 1 << 20;
const MAX_NONCES: usize = 32;
pub(super) const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// A response with its whole body.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        let value = self.parts.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        // By the server's own clock: ours may be wrong.
        let sent = self.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
        httpdate::parse_http_date(value).ok()?.duration_since(sent.unwrap_or_else(SystemTime::now)).ok()
    }

    /// URLs of `Link: <url>;rel="alternate"` (RFC 8555 §7.4.2).
    pub(super) fn alternates(&self) -> Vec<String> {
        let lines = self.parts.headers.get_all(http::header::LINK).iter().filter_map(|line| line.to_str().ok());
        let links = lines.flat_map(|line| line.split(',')).filter_map(|link| {
            let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let alternate = parameters.split(';').any(|p| matches!(p.trim(), r#"rel="alternate""# | "rel=alternate"));
            alternate.then(|| url.to_owned())
        });
        links.collect()
    }
}

/// The HTTP client of one server.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    user_agent: HeaderValue,
    timeouts: Timeouts,
    nonces: Arc<Mutex<Vec<HeaderValue>>>,
}

impl Transport {
    pub(super) fn new(directory: &Directory, user_agent: &str) -> Result<Self, CaError> {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.enforce_http(false);
        http.set_nodelay(true);
        let mut connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(super::tls::client_config(directory)?)
            .https_or_http();
        if let Some(name) = super::tls::server_name(directory)? {
            connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = connector.enable_http1().wrap_connector(http);
        Ok(Self {
            pool: Pool::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(20)).build(connector),
            user_agent: HeaderValue::from_str(user_agent).map_err(|error| CaError::Response(error.to_string()))?,
            timeouts: directory.timeouts,
            nonces: Arc::default(),
        })
    }

    /// Sends a plain GET.
    pub(super) async fn fetch(&self, url: &str) -> Result<Reply, CaError> {
        let request = Request::get(url).body(Full::default()).map_err(|error| CaError::Response(error.to_string()))?;
        self.send(request).await
    }

    /// Sends a request. Statuses from 400 are errors. The response's nonce is kept.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Reply, CaError> {
        let reply = self.exchange(request).await?;
        if reply.parts.status.as_u16() < 400 { Ok(reply) } else { Err(failure(&reply)) }
    }

    /// Sends a request and returns the response, whatever its status.
    pub(super) async fn exchange(&self, mut request: Request<Full<Bytes>>) -> Result<Reply, CaError> {
        request.headers_mut().insert(USER_AGENT, self.user_agent.clone());
        let place = format!("{} {}", request.method(), request.uri());
        let unreachable = |text: &str| CaError::Unreachable(format!("{place}: {text}"));
        let whole = async {
            let head = tokio::time::timeout(self.timeouts.head, self.pool.request(request)).await;
            let head = head.map_err(|_| unreachable("no head of an answer in time"))?;
            let response = head.map_err(|error| unreachable(&chain(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| unreachable(&error.to_string()))?;
            Ok(Reply { parts, body: body.to_bytes() })
        };
        let mut reply = tokio::time::timeout(self.timeouts.exchange, whole)
            .await
            .unwrap_or_else(|_| Err(unreachable("no answer in time")))?;
        // The nonce of a response is good for one request, whatever the status.
        if let Some(nonce) = reply.parts.headers.remove(REPLAY_NONCE) {
            let mut nonces = self.nonces.lock();
            if nonces.len() < MAX_NONCES {
                nonces.push(nonce);
            }
        }

        Ok(reply)
    }

    /// Returns a nonce: the newest kept one, or a new one from `url`.
    pub(super) async fn nonce(&self, url: &str) -> Result<HeaderValue, CaError> {
        if let Some(nonce) = self.nonces.lock().pop() {
            return Ok(nonce);
        }
        let request = Request::builder().method(Method::HEAD).uri(url).body(Full::default());
        self.send(request.map_err(|error| CaError::Response(error.to_string()))?).await?;
        self.nonces.lock().pop().ok_or_else(|| CaError::Response("the server gives no nonce".to_owned()))
    }

    /// The response that the library gets when it asks for a nonce.
    pub(super) async fn nonce_reply(&self, url: &str) -> Result<Response<Full<Bytes>>, CaError> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(REPLAY_NONCE, self.nonce(url).await?);
        Ok(response)
    }
}

/// Returns an error's text with its causes: hyper's own text is only "client error (Connect)".
fn chain(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    subproblems: Vec<Sub>,
}

#[derive(Deserialize)]
struct Sub {
    identifier: Option<Name>,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Name {
    value: String,
}

/// Reads a problem document from JSON.
pub(super) fn problem(json: &[u8], status: u16, retry_after: Option<Duration>) -> Option<Problem> {
    let document: Document = serde_json::from_slice(json).ok()?;
    let named = |sub: Sub| (sub.identifier.map(|name| name.value).unwrap_or_default(), sub.detail.unwrap_or_default());
    Some(Problem {
        status,
        kind: document.kind?,
        detail: document.detail.unwrap_or_default(),
        subproblems: document.subproblems.into_iter().map(named).collect(),
        retry_after,
    })
}

/// The error of a response with a status from 400.
pub(super) fn failure(reply: &Reply) -> CaError {
    let status = reply.parts.status.as_u16();
    let retry_after = reply.retry_after();
    if let Some(problem) = problem(&reply.body, status, retry_after) {
        return CaError::Refused(problem);
    }
    let text: String = String::from_utf8_lossy(&reply.body).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if text.is_empty() { "no body".to_owned() } else { text.chars().take(200).collect() };
    CaError::Http { status, text, retry_after }
}

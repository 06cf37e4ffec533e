//! The part of a record that only the access log needs.

use crate::access_log::{self, AccessLog, Upstream};
use crate::serve::Client;
use crate::service::UpstreamRecord;
use crate::snapshot::Route;
use http::header::{HOST, HeaderMap, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Uri, Version};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Exchanges logged since the start of the process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The values kept until the line is written.
pub(super) struct AccessLogEntry {
    log: Arc<AccessLog>,
    start: SystemTime,
    count: u64,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    forwarded_for: Option<Box<str>>,
    request_headers: Option<HeaderMap>,
    response_headers: Option<HeaderMap>,
}

/// The values known at the end.
pub(super) struct End<'a> {
    pub(super) start: Instant,
    pub(super) client: &'a Client,
    pub(super) user: Option<&'a str>,
    pub(super) upstream: &'a UpstreamRecord,
    pub(super) route: Option<&'a Route>,
    pub(super) method: &'a Method,
    pub(super) duration: Duration,
    pub(super) status: u16,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
}

impl AccessLogEntry {
    /// Starts from the request as the client sent it.
    pub(super) fn begin(log: &Arc<AccessLog>, head: &Parts, client: &Client) -> Self {
        // From untrusted clients this header can say anything, and is removed.
        let forwarded_for = client.origin.trusted.then(|| head.headers.get_all(&X_FORWARDED_FOR));
        Self {
            log: Arc::clone(log),
            start: SystemTime::now(),
            count: COUNT.fetch_add(1, Ordering::Relaxed) + 1,
            uri: head.uri.clone(),
            version: head.version,
            host: head.headers.get(HOST).cloned(),
            forwarded_for: forwarded_for.and_then(|lines| list(lines.iter())),
            request_headers: log.wants_headers().then(|| head.headers.clone()),
            response_headers: None,
        }
    }

    /// Called with the headers that go to the client.
    pub(super) fn client_response(&mut self, headers: &HeaderMap) {
        self.response_headers = self.log.wants_headers().then(|| headers.clone());
    }

    pub(super) fn write(&self, end: &End<'_>) {
        let connection = &end.client.connection;
        let text = |value: &'_ Option<HeaderValue>| -> Option<String> {
            value.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let peer = connection.remote.ip().to_string();
        let client_host = self.forwarded_for.as_deref().unwrap_or(&peer);
        let subject = connection.tls.as_ref().and_then(|tls| subject(tls.peer_certificates.first()?));
        let inner = &end.upstream.inner;
        let router = end.route.map(|route| {
            if inner.is_empty() {
                return Cow::Borrowed(&*route.name);
            }
            let names: Vec<_> = std::iter::once(&*route.name).chain(inner.iter().map(|router| &*router.name)).collect();
            Cow::Owned(names.join(" -> "))
        });
        self.log.write(&access_log::Record {
            start: self.start,
            duration: end.duration,
            client: connection.remote,
            client_host,
            username: end.user,
            host: &text(&self.host).unwrap_or_default(),
            method: end.method,
            target: self.uri.path_and_query().map_or("/", |target| target.as_str()),
            version: self.version,
            entry_point: &connection.entry_point,
            tls: connection.tls.as_ref().map(|tls| (tls.version, tls.cipher, subject.as_deref())),
            request_bytes: end.request_bytes,
            request_headers: self.request_headers.as_ref(),
            router: router.as_deref(),
            service: inner
                .last()
                .map(|router| &*router.service)
                .or_else(|| end.route.map(|route| &*route.target.service)),
            ingress: end.route.and_then(|route| route.target.ingress.as_deref()),
            upstream: end.upstream.endpoint.as_ref().map(|endpoint| Upstream {
                url: endpoint.url(),
                address: endpoint.address(),
                duration: end.upstream.responded.map_or(end.duration, |responded| responded.duration_since(end.start)),
                status: end.upstream.status.map_or(0, |status| status.as_u16()),
            }),
            retries: end.upstream.attempts.saturating_sub(1),
            status: end.status,
            response_bytes: end.response_bytes,
            // A response without a length passes through unchanged, unless a middleware changed it.
            origin_bytes: match &end.upstream.tunnel {
                Some(tunnel) => tunnel.to_client(),
                None => end.upstream.bytes.unwrap_or_else(|| end.upstream.status.map_or(0, |_| end.response_bytes)),
            },
            origin_headers: end.upstream.headers.as_deref(),
            response_headers: self.response_headers.as_ref(),
            count: self.count,
        });
    }
}

/// Joins several lines into one list (RFC 9110 section 5.3).
fn list<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Option<Box<str>> {
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Some(lines.join(", ").into_boxed_str()).filter(|list| !list.is_empty())
}

/// The subject of a DER certificate, as one line.
fn subject(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.subject().to_string())
}

//! The record of an exchange for metrics and access log, written when the exchange has ended: after the response's last
//! byte was handed on, or when the client has gone, even before a response.

mod count;
mod log_entry;

use crate::access_log::AccessLog;
use crate::metrics::{HeaderLabels, Protocol, Sample, Series};
use crate::serve::Client;
use crate::service::UpstreamRecord;
use crate::snapshot::Route;
use bytes::Bytes;
use count::Counted;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use flow_middleware::response::CLIENT_CLOSED_REQUEST;
use flow_model::name::Name;
use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use http_body::{Body as _, Frame, SizeHint};
use log_entry::AccessLogEntry;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The record of one exchange; empty if neither metrics nor log want it. If it is dropped without [`Record::finish`],
/// the client has gone.
pub(super) struct Record {
    exchange: Option<Box<ExchangeRecord>>,
    /// Used if nothing is recorded.
    unrecorded: (Option<Box<str>>, UpstreamRecord),
}

/// The length of a request's body.
enum RequestBytes {
    /// Announced by the client.
    Known(u64),
    /// Counted while the body is read.
    Counted(Arc<AtomicU64>),
}

/// One allocation for the whole exchange: in the end it becomes the response's body.
struct ExchangeRecord {
    body: Body,
    start: Instant,
    client: Arc<Client>,
    method: Method,
    protocol: Protocol,
    series: Option<Arc<Series>>,
    route: Option<Arc<Route>>,
    request_bytes: RequestBytes,
    response_bytes: u64,
    /// Zero while there is no response.
    status: u16,
    grpc_status: Option<u16>,
    /// Values of the metric labels that come from headers; empty if there are none.
    labels: Box<[Name]>,
    user: Option<Box<str>>,
    upstream: UpstreamRecord,
    log_entry: Option<AccessLogEntry>,
}

impl Record {
    /// Called when the request's head has come.
    pub(super) fn begin(
        client: &Arc<Client>,
        head: &Parts,
        log: Option<&Arc<AccessLog>>,
        series: Option<&Arc<Series>>,
        metrics: bool,
    ) -> Self {
        let log = log.filter(|_| client.entry.point.observability.access_logs.unwrap_or(true));
        if log.is_none() && !metrics {
            return Self { exchange: None, unrecorded: Default::default() };
        }
        let exchange = ExchangeRecord {
            body: Body::Empty,
            start: Instant::now(),
            client: Arc::clone(client),
            method: head.method.clone(),
            protocol: Protocol::of(&head.headers),
            series: series.cloned(),
            route: None,
            request_bytes: RequestBytes::Known(0),
            response_bytes: 0,
            status: 0,
            grpc_status: None,
            labels: Box::default(),
            user: None,
            upstream: UpstreamRecord {
                keep_headers: log.is_some_and(|log| log.wants_headers()),
                ..UpstreamRecord::default()
            },
            log_entry: log.map(|log| AccessLogEntry::begin(log, head, client)),
        };
        Self { exchange: Some(Box::new(exchange)), unrecorded: Default::default() }
    }

    /// Notes the values of the metric labels, as the client sent them.
    pub(super) fn label(&mut self, labels: &HeaderLabels, headers: &HeaderMap) {
        if let Some(exchange) = &mut self.exchange {
            exchange.labels = labels.values(headers);
        }
    }

    /// Called when a router takes the request.
    pub(super) fn routed(&mut self, route: &Arc<Route>) {
        if let Some(exchange) = &mut self.exchange {
            if !route.target.log {
                exchange.log_entry = None;
                exchange.upstream.keep_headers = false;
            }
            exchange.route = Some(Arc::clone(route));
        }
    }

    /// Notes the length of the request's body, or starts to count it if it is not known.
    pub(super) fn count_request(&mut self, body: &mut Body) {
        let Some(exchange) = &mut self.exchange else { return };
        if let Some(length) = body.size_hint().exact() {
            exchange.request_bytes = RequestBytes::Known(length);
        } else {
            let (counted, count) = Counted::new(std::mem::take(body));
            exchange.request_bytes = RequestBytes::Counted(count);
            *body = Body::boxed(counted);
        }
    }

    /// The parts that are filled on the request's way: the user authenticated by a middleware, and the backend's side.
    pub(super) fn on_the_way(&mut self) -> (&mut Option<Box<str>>, &mut UpstreamRecord) {
        match &mut self.exchange {
            Some(exchange) => (&mut exchange.user, &mut exchange.upstream),
            None => (&mut self.unrecorded.0, &mut self.unrecorded.1),
        }
    }

    /// The response as it goes to the client: its end is the end of the exchange, or the end of the connection if that
    /// goes on with another protocol.
    pub(super) fn finish(mut self, response: Response<Body>) -> Response<Body> {
        let Some(mut exchange) = self.exchange.take() else { return response };
        let (head, body) = response.into_parts();
        exchange.status = head.status.as_u16();
        if exchange.protocol == Protocol::Grpc {
            exchange.grpc_status = grpc_status(&head.headers);
        }
        if let Some(log_entry) = &mut exchange.log_entry {
            log_entry.client_response(&head.headers);
        }
        if let Some(tunnel) = exchange.upstream.tunnel.clone() {
            tunnel.keep(exchange);
            return Response::from_parts(head, body);
        }
        if exchange.method == Method::HEAD || body.is_end_stream() {
            return Response::from_parts(head, body);
        }
        if let Body::Full(bytes) = &body {
            exchange.response_bytes = bytes.len() as u64;
            return Response::from_parts(head, body);
        }
        exchange.body = body;
        Response::from_parts(head, Body::Boxed(Box::into_pin(exchange)))
    }
}

impl RequestBytes {
    fn now(&self) -> u64 {
        match self {
            Self::Known(length) => *length,
            Self::Counted(count) => count.load(Ordering::Relaxed),
        }
    }
}

impl ExchangeRecord {
    fn emit(&self) {
        let duration = self.start.elapsed();
        let tunnel = self.upstream.tunnel.as_ref();
        let request_bytes = self.request_bytes.now() + tunnel.map_or(0, |tunnel| tunnel.from_client());
        let response_bytes = self.response_bytes + tunnel.map_or(0, |tunnel| tunnel.to_client());
        let status = if self.status == 0 { CLIENT_CLOSED_REQUEST } else { self.status };
        let tls = self.client.connection.tls.as_ref();
        if let Some(log_entry) = &self.log_entry {
            log_entry.write(&log_entry::End {
                start: self.start,
                client: &self.client,
                user: self.user.as_deref(),
                upstream: &self.upstream,
                route: self.route.as_deref(),
                method: &self.method,
                duration,
                status,
                request_bytes,
                response_bytes,
            });
        }
        let sample = Sample {
            // gRPC sends its own status at the end; without one it is "unknown".
            code: if self.protocol == Protocol::Grpc { self.grpc_status.unwrap_or(2) } else { status },
            method: &self.method,
            protocol: self.protocol,
            duration,
            request_bytes,
            response_bytes,
            tls: tls.map(|session| (session.version, session.cipher)),
            headers: &self.labels,
        };
        // Requests without a router are counted for the entry point; those of an uncounted router nowhere.
        let counted = self.route.as_ref().map(|route| (route, &route.target.series));
        if counted.is_none_or(|(_, series)| series.is_some())
            && let Some(series) = &self.series
        {
            series.record(&sample);
        }
        if let Some((route, Some(series))) = counted {
            // The service is counted by the innermost router.
            let reached = self.upstream.service.as_ref().filter(|_| self.upstream.inner.is_empty());
            series.record(route.counted(), reached, &sample);
        }
        for (index, router) in self.upstream.inner.iter().enumerate() {
            if let Some(series) = &router.series {
                let is_last = index + 1 == self.upstream.inner.len();
                series.record(router.counted(), self.upstream.service.as_ref().filter(|_| is_last), &sample);
            }
        }
    }
}

impl Drop for ExchangeRecord {
    fn drop(&mut self) {
        self.emit();
    }
}

impl http_body::Body for ExchangeRecord {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            if let Some(data) = frame.data_ref() {
                self.response_bytes += data.len() as u64;
            } else if let Some(trailers) = frame.trailers_ref() {
                self.grpc_status = grpc_status(trailers).or(self.grpc_status);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u16> {
    headers.get(&GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

//! The record of an exchange for metrics and access log, written when the exchange has ended: after the response's last
//! byte was handed on, or when the client has gone, even before a response.

mod count;
mod line;

use crate::access_log::AccessLog;
use crate::metrics::{HeaderLabels, Protocol, Sample, Series};
use crate::serve::Client;
use crate::service::Hop;
use crate::snapshot::Route;
use bytes::Bytes;
use count::Counted;
use flow_middleware::Body;
use flow_middleware::answer::CLIENT_CLOSED_REQUEST;
use flow_middleware::body::BodyError;
use flow_model::name::Name;
use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use http_body::{Body as _, Frame, SizeHint};
use line::Line;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The record of one exchange; empty if neither metrics nor log want it. If it is dropped without [`Record::finish`],
/// the client has gone.
pub(super) struct Record {
    facts: Option<Box<Facts>>,
    /// Used if nothing is recorded.
    hop: Hop,
}

/// One allocation for the whole exchange: in the end it becomes the response's body.
struct Facts {
    body: Body,
    start: Instant,
    client: Arc<Client>,
    method: Method,
    protocol: Protocol,
    series: Option<Arc<Series>>,
    route: Option<Arc<Route>>,
    /// Known in advance, or counted.
    request_bytes: Result<u64, Arc<AtomicU64>>,
    response_bytes: u64,
    /// Zero while there is no response.
    status: u16,
    grpc_status: Option<u16>,
    /// Values of the metric labels that come from headers; empty if there are none.
    labels: Box<[Name]>,
    hop: Hop,
    line: Option<Line>,
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
            return Self { facts: None, hop: Hop::default() };
        }
        let facts = Facts {
            body: Body::Empty,
            start: Instant::now(),
            client: Arc::clone(client),
            method: head.method.clone(),
            protocol: Protocol::of(&head.headers),
            series: series.cloned(),
            route: None,
            request_bytes: Ok(0),
            response_bytes: 0,
            status: 0,
            grpc_status: None,
            labels: Box::default(),
            hop: Hop::default(),
            line: log.map(|log| Line::begin(log, head, client)),
        };
        Self { facts: Some(Box::new(facts)), hop: Hop::default() }
    }

    /// Notes the values of the metric labels, as the client sent them.
    pub(super) fn label(&mut self, labels: &HeaderLabels, headers: &HeaderMap) {
        if let Some(facts) = &mut self.facts {
            facts.labels = labels.values(headers);
        }
    }

    /// Called when a router takes the request.
    pub(super) fn routed(&mut self, route: &Arc<Route>) {
        if let Some(facts) = &mut self.facts {
            if !route.target.log {
                facts.line = None;
            }
            facts.route = Some(Arc::clone(route));
        }
    }

    /// Notes the length of the request's body, or starts to count it if it is not known.
    pub(super) fn count_request(&mut self, body: &mut Body) {
        let Some(facts) = &mut self.facts else { return };
        if let Some(length) = body.size_hint().exact() {
            facts.request_bytes = Ok(length);
        } else {
            let (counted, count) = Counted::new(std::mem::take(body));
            facts.request_bytes = Err(count);
            *body = Body::boxed(counted);
        }
    }

    /// Notes the user authenticated by a middleware.
    pub(super) fn user(&mut self, username: Option<Box<str>>) {
        if let Some(line) = self.facts.as_mut().and_then(|facts| facts.line.as_mut()) {
            line.username = username;
        }
    }

    /// The record of the backend's side.
    pub(super) fn hop(&mut self) -> &mut Hop {
        match &mut self.facts {
            Some(facts) => &mut facts.hop,
            None => &mut self.hop,
        }
    }

    /// Called when a backend has responded.
    pub(super) fn answered(&mut self, response: &Response<Body>) {
        if let Some(line) = self.facts.as_mut().and_then(|facts| facts.line.as_mut()) {
            line.answered(response);
        }
    }

    /// The response as it goes to the client: its end is the end of the exchange, or the end of the connection if that
    /// goes on with another protocol.
    pub(super) fn finish(mut self, response: Response<Body>) -> Response<Body> {
        let Some(mut facts) = self.facts.take() else { return response };
        let (head, body) = response.into_parts();
        facts.status = head.status.as_u16();
        if facts.protocol == Protocol::Grpc {
            facts.grpc_status = grpc_status(&head.headers);
        }
        if let Some(line) = &mut facts.line {
            line.answering(&head.headers);
        }
        if let Some(tunnel) = facts.hop.tunnel.clone() {
            tunnel.keep(facts);
            return Response::from_parts(head, body);
        }
        if facts.method == Method::HEAD || body.is_end_stream() {
            return Response::from_parts(head, body);
        }
        if let Body::Full(bytes) = &body {
            facts.response_bytes = bytes.len() as u64;
            return Response::from_parts(head, body);
        }
        facts.body = body;
        Response::from_parts(head, Body::Boxed(Box::into_pin(facts)))
    }
}

impl Facts {
    fn tell(&self) {
        let duration = self.start.elapsed();
        let tunnel = self.hop.tunnel.as_ref();
        let request_bytes = match &self.request_bytes {
            Ok(known) => *known,
            Err(counted) => counted.load(Ordering::Relaxed),
        } + tunnel.map_or(0, |tunnel| tunnel.from_client());
        let response_bytes = self.response_bytes + tunnel.map_or(0, |tunnel| tunnel.to_client());
        let status = if self.status == 0 { CLIENT_CLOSED_REQUEST } else { self.status };
        let tls = self.client.connection.tls.as_ref();
        if let Some(line) = &self.line {
            line.write(&line::End {
                start: self.start,
                client: &self.client,
                hop: &self.hop,
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
            series.record(route.counted(), &sample);
        }
    }
}

impl Drop for Facts {
    fn drop(&mut self) {
        self.tell();
    }
}

impl http_body::Body for Facts {
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

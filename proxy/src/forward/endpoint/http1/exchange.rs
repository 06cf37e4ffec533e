//! One request and the head of its response.

use super::super::Endpoint;
use super::super::header_timeout::ResponseHeaderTimeout;
use super::error::Http1Error;
use super::request::HeadForm;
use super::response::{self, Head};
use super::response_body::ResponseBody;
use super::upload::Upload;
use super::{Channel, Http1};
use crate::forward::ClientSide;
use crate::forward::headers::clean_interim;
use crate::forward::pinned::{PinnedConnections, asks_for_login};
use crate::forward::request_body::RequestBody;
use crate::forward::stream::Stream;
use bytes::Bytes;
use flow_middleware::{Body, Interim};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// The time to wait for a first byte of a body that is probably empty (Go's `probeRequestBody`).
const PROBE_TIMEOUT: Duration = Duration::from_millis(200);

/// Maximum number of interim responses before the response.
pub(in crate::forward::endpoint) const MAX_INTERIM: u32 = 32;

/// The reason why a request got no response.
#[derive(Debug)]
pub(in crate::forward) enum ExchangeError {
    /// The connection or the response broke.
    Broken {
        error: Http1Error,
        /// True if the request is whole and the backend has not begun to respond.
        can_resend: bool,
    },
    /// The time limit for the head of the response has passed.
    TimedOut(Duration),
}

/// A response, and the connection if the backend has switched protocols.
pub(in crate::forward) enum Http1Response {
    /// An ordinary response.
    Plain(Response<Body>),
    /// 101, the connection, and the bytes read from it behind the head.
    Switched(Response<()>, Stream, Bytes),
    /// 101 without a request for an upgrade.
    Unasked,
}

/// The next message of a backend.
enum HeadEvent {
    Response(Head),
    /// The backend wants the body.
    Continue,
}

/// The progress of an exchange.
struct Progress {
    upload: Upload,
    /// The request has a body, which cannot be sent twice.
    has_body: bool,
    /// Set when the request could not be written any more. The response may have come all the same.
    refused: Option<Http1Error>,
    /// True if bytes of a response have come.
    response_started: bool,
    /// Number of interim responses so far.
    interim: u32,
    header_timeout: ResponseHeaderTimeout,
}

impl Http1 {
    /// Sends `request`, its head in `form`, and waits for the head of the response. Interim responses go to `client`.
    ///
    /// # Errors
    /// If there is no response; `request` has then lost its body, unless it may be sent again.
    pub(in crate::forward) async fn exchange(
        mut self: Box<Self>,
        endpoint: &Arc<Endpoint>,
        request: &mut Request<RequestBody>,
        form: HeadForm<'_>,
        client: Option<&ClientSide>,
    ) -> Result<Http1Response, ExchangeError> {
        let mut has_body = !request.body().is_empty();
        if has_body && is_doubtful(request) {
            let probed = Box::pin(probe(request.body_mut())).await;
            probed.map_err(|error| ExchangeError::Broken { error, can_resend: false })?;
            has_body = !request.body().is_empty();
        }
        let asking = has_body && request.headers().contains_key(EXPECT);
        let mut progress = Progress {
            upload: Upload::new(request, form, asking),
            has_body,
            refused: None,
            response_started: false,
            interim: 0,
            header_timeout: ResponseHeaderTimeout::new(endpoint.transport().response_header),
        };
        let interim = client.and_then(|client| client.interim.as_ref());
        let head = poll_fn(|cx| self.poll_head(request, &mut progress, interim, cx)).await?;
        let Progress { upload, refused, .. } = progress;
        if head.response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(match self.stream {
                Channel::Whole(stream) if form.upgrading && upload.is_over() => {
                    Http1Response::Switched(head.response, stream, self.read.freeze())
                }
                _ => Http1Response::Unasked,
            });
        }
        self.keep = head.keep_alive && refused.is_none();
        if self.keep && self.owner.is_none() && asks_for_login(head.response.headers()) {
            self.pin_to(client);
        }
        if !upload.is_over() && refused.is_none() {
            if upload.is_unwanted() {
                self.keep = false;
            } else {
                self.detach(upload, std::mem::take(request.body_mut()));
            }
        }
        let body = ResponseBody::new(head.body, self, endpoint).into_body();
        Ok(Http1Response::Plain(head.response.map(|()| body)))
    }

    fn poll_head(
        &mut self,
        request: &mut Request<RequestBody>,
        progress: &mut Progress,
        interim: Option<&Interim>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, ExchangeError>> {
        let result = loop {
            if let Err(error) = self.write(request, progress, cx) {
                break Err(error);
            }
            match self.read(request.method(), progress, interim, cx) {
                Poll::Ready(Ok(HeadEvent::Response(head))) => break Ok(head),
                Poll::Ready(Ok(HeadEvent::Continue)) => progress.upload.open(),
                Poll::Ready(Err(error)) => break Err(error),
                Poll::Pending => {
                    let is_sent = progress.upload.is_over() || progress.refused.is_some();
                    return progress.header_timeout.poll(is_sent, cx).map(|limit| Err(ExchangeError::TimedOut(limit)));
                }
            }
        };
        Poll::Ready(result.map_err(|error| {
            let error = progress.refused.take().unwrap_or(error);
            let can_resend = !progress.response_started && matches!(error, Http1Error::Closed | Http1Error::Io(_)) && {
                if !progress.upload.begun {
                    progress.upload.put_back(request.body_mut());
                }
                !progress.upload.begun || (!progress.has_body && is_replayable(request))
            };
            ExchangeError::Broken { error, can_resend }
        }))
    }

    fn write(
        &mut self,
        request: &mut Request<RequestBody>,
        progress: &mut Progress,
        cx: &mut Context<'_>,
    ) -> Result<(), Http1Error> {
        let Channel::Whole(stream) = &mut self.stream else { return Ok(()) };
        if progress.upload.is_over() || progress.refused.is_some() {
            return Ok(());
        }
        match progress.upload.poll(stream, request.body_mut(), cx) {
            Poll::Ready(Err(error @ Http1Error::Io(_))) => progress.refused = Some(error),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        Ok(())
    }

    fn read(
        &mut self,
        method: &Method,
        progress: &mut Progress,
        interim: Option<&Interim>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HeadEvent, Http1Error>> {
        loop {
            while !self.read.is_empty() {
                let Some(head) = response::take(&mut self.read, method)? else { break };
                let status = head.response.status();
                if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Ok(HeadEvent::Response(head)));
                }
                progress.interim += 1;
                if progress.interim > MAX_INTERIM {
                    return Poll::Ready(Err(Http1Error::Malformed("more interim answers than anybody can want")));
                }
                if status == StatusCode::CONTINUE {
                    return Poll::Ready(Ok(HeadEvent::Continue));
                }
                if let Some(interim) = interim {
                    let mut response = head.response;
                    clean_interim(response.headers_mut());
                    interim.push(response);
                }
            }
            match self.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(1..)) => progress.response_started = true,
                Poll::Ready(Ok(0)) if progress.response_started => return Poll::Ready(Err(Http1Error::CutShort)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Http1Error::Closed)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Makes the connection the client's alone. Without a client that could keep it, it ends after this response.
    fn pin_to(&mut self, client: Option<&ClientSide>) {
        // Only the requests of an HTTP/1.1 connection are all one client's, as far as NTLM is concerned.
        let client = client.filter(|client| client.version == Version::HTTP_11);
        match client.and_then(|client| PinnedConnections::begin(&client.connection)) {
            Some(pinned) => self.owner = Some(Arc::downgrade(&pinned)),
            None => self.keep = false,
        }
    }

    /// Sends the rest of the request's body in a task of its own.
    fn detach(&mut self, mut upload: Upload, mut body: RequestBody) {
        let Channel::Whole(stream) = std::mem::replace(&mut self.stream, Channel::Gone) else { return };
        let (half, mut other_half) = tokio::io::split(stream);
        let writer = tokio::spawn(async move {
            let result = poll_fn(|cx| upload.poll(&mut other_half, &mut body, cx)).await;
            (other_half, result)
        });
        self.stream = Channel::Split(half, AbortOnDropHandle::new(writer));
    }
}

/// True for a body of unknown length with a method that seldom has one: announcing an empty body confuses servers.
fn is_doubtful(request: &Request<RequestBody>) -> bool {
    request.body().size_hint().exact().is_none()
        && !request.headers().contains_key(CONTENT_LENGTH)
        && matches!(request.method().as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS" | "PROPFIND" | "SEARCH")
}

async fn probe(body: &mut RequestBody) -> Result<(), Http1Error> {
    match tokio::time::timeout(PROBE_TIMEOUT, body.peek()).await {
        Ok(known) => known.map_err(Http1Error::Body),
        // Then it is sent chunked.
        Err(_) => Ok(()),
    }
}

/// Go's `Request.isReplayable`: sending the request twice has the same effect as once.
pub(in crate::forward) fn is_replayable(request: &Request<RequestBody>) -> bool {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    let marked =
        || request.headers().contains_key("idempotency-key") || request.headers().contains_key("x-idempotency-key");
    request.body().is_empty() && (safe || marked())
}

//! One request and the head of its response.

use super::super::Endpoint;
use super::super::header_timeout::ResponseHeaderTimeout;
use super::super::http1::{EXPECT_CONTINUE_TIMEOUT, MAX_HEADERS, MAX_INTERIM};
use super::connection::Stream;
use super::error::Http2Error;
use super::request::take_head;
use super::response_body::ResponseBody;
use crate::forward::headers::clean_interim;
use crate::forward::request_body::RequestBody;
use crate::http2::{SendError, send_body};
use flow_middleware::body::StreamBody;
use flow_middleware::{Body, Interim};
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::header::EXPECT;
use http::{Request, Response, StatusCode};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use tokio_util::task::AbortOnDropHandle;

/// The reason why a request got no response.
#[derive(Debug)]
pub(in crate::forward) enum ExchangeError {
    /// The connection had ended before: nothing was sent, and the request is whole.
    Unsent(h2::Error),
    /// The stream, its connection or the request's body broke.
    Broken(Http2Error),
    /// The head of the response exceeds our limits.
    TooLarge,
    /// The time limit for the head of the response has passed.
    TimedOut(Duration),
}

impl From<Http2Error> for ExchangeError {
    fn from(error: Http2Error) -> Self {
        Self::Broken(error)
    }
}

impl From<h2::Error> for ExchangeError {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// Sends the rest of a body.
type Sending = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// A request's body on its way.
struct Upload {
    /// `None` once all was sent, or the backend wants no more.
    sending: Option<Sending>,
    /// Set while the body waits for the backend's `100 Continue`; the body is sent when the time is over.
    continue_timeout: Option<Pin<Box<Sleep>>>,
}

impl Upload {
    /// Sends as much as possible.
    ///
    /// # Errors
    /// Those of the body itself. Of the stream's the response tells.
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Http2Error> {
        if let Some(timeout) = &mut self.continue_timeout {
            if timeout.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            self.continue_timeout = None;
        }
        let Some(sending) = &mut self.sending else { return Ok(()) };
        let Poll::Ready(sent) = sending.as_mut().poll(cx) else { return Ok(()) };
        self.sending = None;
        match sent {
            Err(SendError::Body(error)) => Err(Http2Error::Body(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Sends `request` on `stream` and waits for the head of the response. Interim responses go to `interim`.
///
/// # Errors
/// If there is no response; `request` is then whole only after [`ExchangeError::Unsent`].
pub(in crate::forward) async fn exchange(
    mut stream: Stream,
    endpoint: &Endpoint,
    request: &mut Request<RequestBody>,
    interim: Option<&Interim>,
) -> Result<Response<Body>, ExchangeError> {
    poll_fn(|cx| stream.sender.poll_ready(cx)).await.map_err(ExchangeError::Unsent)?;
    let has_body = !request.body().is_empty();
    let asking = has_body && request.headers().contains_key(EXPECT);
    let head = take_head(request, endpoint);
    let (mut response, sender) = stream.sender.send_request(head, !has_body)?;
    let body = std::mem::take(request.body_mut());
    let mut upload = Upload {
        sending: has_body.then(|| Box::pin(send_body(body, sender)) as Sending),
        continue_timeout: asking.then(|| Box::pin(tokio::time::sleep(EXPECT_CONTINUE_TIMEOUT))),
    };
    let mut header_timeout = ResponseHeaderTimeout::new(endpoint.transport().response_header);
    let mut count = 0;
    let response = poll_fn(|cx| {
        loop {
            upload.poll(cx)?;
            match poll_head(&mut response, cx) {
                Poll::Ready(Ok(Event::Response(response))) => return Poll::Ready(Ok(response)),
                Poll::Ready(Ok(Event::Interim(response))) => {
                    count += 1;
                    if count > MAX_INTERIM {
                        return Poll::Ready(Err(ExchangeError::Broken(Http2Error::Interim)));
                    }
                    if response.status() == StatusCode::CONTINUE {
                        upload.continue_timeout = None;
                    } else {
                        pass_on(response, interim);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {
                    let limit = ready!(header_timeout.poll(upload.sending.is_none(), cx));
                    return Poll::Ready(Err(ExchangeError::TimedOut(limit)));
                }
            }
        }
    })
    .await?;
    if response.headers().len() > MAX_HEADERS {
        return Err(ExchangeError::TooLarge);
    }
    let (head, received) = response.into_parts();
    if received.is_end_stream() {
        return Ok(Response::from_parts(head, Body::Empty));
    }
    let body = StreamBody::of_response(received, &head.headers);
    // As in Go: a backend that refuses the request, and has not asked for the body, does not want it.
    let is_wanted = upload.continue_timeout.is_none() || head.status.is_success();
    let rest = upload.sending.filter(|_| is_wanted);
    let upload = rest.map(|sending| {
        AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = sending.await {
                tracing::debug!(%error, "the rest of a request was not sent");
            }
        }))
    });
    Ok(Response::from_parts(head, Body::boxed(ResponseBody { body, _stream: stream, _upload: upload })))
}

/// The next message of a backend.
enum Event {
    Response(Response<RecvStream>),
    Interim(Response<()>),
}

fn poll_head(response: &mut ResponseFuture, cx: &mut Context<'_>) -> Poll<Result<Event, h2::Error>> {
    if let Some(interim) = ready!(response.poll_informational(cx)) {
        return Poll::Ready(interim.map(Event::Interim));
    }
    Pin::new(response).poll(cx).map(|response| response.map(Event::Response))
}

fn pass_on(mut response: Response<()>, interim: Option<&Interim>) {
    // HTTP/2 has no other protocols to switch to (RFC 9113 section 8.6).
    if let Some(interim) = interim
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        clean_interim(response.headers_mut());
        interim.push(response);
    }
}

//! HTTP/1.1 towards a backend: a connection that is polled within the request which uses it.
//!
//! hyper wants somebody to poll the connection. A task for that costs two hops a request, so here the request itself
//! does it: while it waits for the head of the answer, and then inside the answer's body. Only where an answer comes
//! before the request's body was sent does the connection get a task of its own, so that both directions go on
//! independently.

use super::endpoint::Endpoint;
use super::error::broken_off;
use super::outgoing::Outgoing;
use super::pool;
use super::stream::Stream;
use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http::header::UPGRADE;
use http::{Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_util::task::AbortOnDropHandle;

/// How long the rest of a request's body may take after the answer has ended, before the connection is given up
/// (Go's `maxWriteWaitBeforeConnReuse`).
const REST: Duration = Duration::from_millis(50);

/// A connection to a backend that speaks HTTP/1.1.
pub(super) struct Http1 {
    sender: SendRequest<Outgoing>,
    driver: Driver,
    /// It has carried a request before.
    pub(super) reused: bool,
    /// The request in hand asks for another protocol.
    upgrading: bool,
}

/// Who polls hyper's side of the connection.
enum Driver {
    /// The request in hand.
    Inline(Connection<TokioIo<Stream>, Outgoing>),
    /// Nobody: it has ended.
    Ended,
    /// Nobody: the backend has switched protocols.
    Switched(Connection<TokioIo<Stream>, Outgoing>),
    /// A task, which ends with the connection.
    Task(#[expect(dead_code, reason = "aborts the task when dropped")] AbortOnDropHandle<()>),
}

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// hyper's error, with the request where nothing of it was written.
    Broken(hyper::Error, Option<Box<Request<Outgoing>>>),
    /// The time for the head of the answer has passed.
    TimedOut(Duration),
}

impl From<TrySendError<Request<Outgoing>>> for Failure {
    fn from(mut error: TrySendError<Request<Outgoing>>) -> Self {
        let unsent = error.take_message().map(Box::new);
        Self::Broken(error.into_error(), unsent)
    }
}

/// An answer, and the connection where the backend has switched protocols.
pub(super) enum Answer {
    /// An ordinary answer.
    Plain(Response<Body>),
    /// 101, the connection, and what was read from it past the head.
    Switched(Response<()>, Stream, Bytes),
    /// 101 that nobody had asked for.
    Unasked,
}

impl Http1 {
    /// Begins to speak on `stream`.
    pub(super) async fn begin(stream: Stream) -> Result<Box<Self>, hyper::Error> {
        let (sender, connection) = Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await?;
        Ok(Box::new(Self { sender, driver: Driver::Inline(connection), reused: false, upgrading: false }))
    }

    /// The connection can take a request, as far as is known here.
    pub(super) fn is_alive(&mut self, cx: &mut Context<'_>) -> bool {
        self.drive(cx);
        self.sender.is_ready()
    }

    /// Does what can be done without waiting.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Driver::Inline(connection) = &mut self.driver
            && let Poll::Ready(ended) = Pin::new(connection).poll(cx)
        {
            // An error is told to the request or to the body; there is nobody else to tell.
            self.driver = match std::mem::replace(&mut self.driver, Driver::Ended) {
                Driver::Inline(connection) if self.upgrading && ended.is_ok() => Driver::Switched(connection),
                _ => Driver::Ended,
            };
        }
    }

    /// What is sent between `drive`'s caller and the connection needs no wake-up: both are the same task.
    fn waits_for_itself(&self) -> bool {
        !matches!(self.driver, Driver::Task(_))
    }

    fn detach(&mut self) {
        if let Driver::Inline(connection) = std::mem::replace(&mut self.driver, Driver::Ended) {
            self.driver = Driver::Task(AbortOnDropHandle::new(tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a backend's connection ended");
                }
            })));
        }
    }

    /// Sends `request` and waits for the head of the answer. `sent` ends when the request's body has been sent,
    /// `None` where it has none.
    pub(super) async fn send(
        mut self: Box<Self>,
        endpoint: &Arc<Endpoint>,
        request: Request<Outgoing>,
        mut sent: Option<oneshot::Receiver<()>>,
    ) -> Result<Answer, Failure> {
        let limit = endpoint.transport().response_header;
        self.upgrading = request.headers().contains_key(UPGRADE);
        let response = {
            let mut answer = pin!(self.sender.try_send_request(request));
            let mut timer: Option<Pin<Box<Sleep>>> = None;
            poll_fn(|cx| {
                self.drive(cx);
                let polled = if self.waits_for_itself() {
                    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                } else {
                    answer.as_mut().poll(cx)
                };
                if let Poll::Ready(response) = polled {
                    return Poll::Ready(response.map_err(Failure::from));
                }
                if matches!(self.driver, Driver::Switched(_)) {
                    // It has closed instead: hyper says so once the connection is gone.
                    self.driver = Driver::Ended;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if let Some(limit) = limit {
                    if timer.is_none() {
                        // The time runs from the end of the request.
                        if let Some(sent) = &mut sent {
                            let _ = ready!(Pin::new(sent).poll(cx));
                        }
                        sent = None;
                        timer = Some(Box::pin(tokio::time::sleep(limit)));
                    }
                    if let Some(timer) = &mut timer {
                        ready!(timer.as_mut().poll(cx));
                        return Poll::Ready(Err(Failure::TimedOut(limit)));
                    }
                }
                Poll::Pending
            })
            .await?
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.switched(response.map(drop)).await);
        }
        if self.upgrading {
            // Declined: from here on it is a request like any other.
            self.upgrading = false;
            if matches!(self.driver, Driver::Switched(_)) {
                self.driver = Driver::Ended;
            }
        }
        if sent.is_some_and(|mut sent| sent.try_recv() == Err(oneshot::error::TryRecvError::Empty)) {
            self.detach();
        }
        let (head, incoming) = response.into_parts();
        let mut answering = Answering { incoming, first: None, connection: Some(self), endpoint: Arc::clone(endpoint) };
        let whole = poll_fn(|cx| Poll::Ready(answering.take_whole(cx))).await;
        let body = whole.unwrap_or_else(|| Body::Boxed(Box::pin(answering)));
        Ok(Answer::Plain(Response::from_parts(head, body)))
    }

    /// Takes the bare connection back after a 101.
    async fn switched(mut self: Box<Self>, response: Response<()>) -> Answer {
        self.driver = match std::mem::replace(&mut self.driver, Driver::Ended) {
            Driver::Inline(mut connection) => match poll_fn(|cx| connection.poll_without_shutdown(cx)).await {
                Ok(()) => Driver::Switched(connection),
                Err(_) => Driver::Ended,
            },
            other => other,
        };
        match self.driver {
            Driver::Switched(connection) => {
                let parts = connection.into_parts();
                Answer::Switched(response, parts.io.into_inner(), parts.read_buf)
            }
            _ => Answer::Unasked,
        }
    }

    /// Keeps the connection for the next request where it can take one.
    fn release(mut self: Box<Self>, endpoint: &Arc<Endpoint>, cx: &mut Context<'_>) {
        self.reused = true;
        if !self.sender.is_ready() {
            self.drive(cx);
        }
        if self.sender.is_ready() {
            pool::keep(endpoint, self);
        } else if matches!(self.driver, Driver::Task(_)) {
            let endpoint = Arc::clone(endpoint);
            tokio::spawn(async move {
                if let Ok(Ok(())) = tokio::time::timeout(REST, self.sender.ready()).await {
                    pool::keep(&endpoint, self);
                }
            });
        }
    }
}

impl fmt::Debug for Http1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").field("reused", &self.reused).finish_non_exhaustive()
    }
}

/// The body of an answer, which polls the connection that it comes from and gives it back at its end. Dropped before,
/// it closes the connection.
struct Answering {
    incoming: Incoming,
    /// Read ahead.
    first: Option<Result<Frame<Bytes>, hyper::Error>>,
    /// `None` once the body has ended.
    connection: Option<Box<Http1>>,
    endpoint: Arc<Endpoint>,
}

impl Answering {
    /// The whole body, where it has come together with the head: nothing needs to be boxed then.
    fn take_whole(&mut self, cx: &mut Context<'_>) -> Option<Body> {
        if self.incoming.is_end_stream() {
            self.finish(cx);
            return Some(Body::Empty);
        }
        match Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(None) => {
                self.finish(cx);
                Some(Body::Empty)
            }
            Poll::Ready(Some(Ok(frame))) if self.incoming.is_end_stream() => {
                self.finish(cx);
                match frame.into_data() {
                    Ok(data) => Some(Body::Full(data)),
                    Err(frame) => {
                        self.first = Some(Ok(frame));
                        None
                    }
                }
            }
            Poll::Ready(Some(frame)) => {
                self.first = Some(frame);
                None
            }
        }
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = self.connection.take() {
            connection.release(&self.endpoint, cx);
        }
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = match this.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => {
                let Some(connection) = &mut this.connection else { return Poll::Ready(None) };
                connection.drive(cx);
                if connection.waits_for_itself() {
                    Pin::new(&mut this.incoming).poll_frame(&mut Context::from_waker(Waker::noop()))
                } else {
                    Pin::new(&mut this.incoming).poll_frame(cx)
                }
            }
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if frame.is_trailers() || this.incoming.is_end_stream() {
                    this.finish(cx);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.connection = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.finish(cx);
                Poll::Ready(None)
            }
            Poll::Pending if this.connection.as_ref().is_some_and(|c| matches!(c.driver, Driver::Ended)) => {
                this.connection = None;
                Poll::Ready(Some(Err(broken_off())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.incoming.size_hint();
        let ahead = match &self.first {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        match rest.exact() {
            Some(exact) => SizeHint::with_exact(exact + ahead),
            None => rest,
        }
    }
}

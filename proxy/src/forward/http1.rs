//! HTTP/1.1 towards a backend: a connection that is polled within the request which uses it.
//!
//! hyper wants somebody to poll the connection. A task for that costs two hops a request, so here the request itself
//! does it: while it waits for the head of the answer, and then inside the answer's body. Only where an answer comes
//! before the request's body was sent does the connection get a task of its own, so that both directions go on
//! independently.

use super::answering::Answering;
use super::attended::Attended;
use super::bell::Bell;
use super::endpoint::Endpoint;
use super::outgoing::Outgoing;
use super::pool;
use super::stream::Stream;
use bytes::Bytes;
use flow_middleware::Body;
use http::{Request, Response, StatusCode};
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
    bell: Arc<Bell>,
    /// The bell's.
    waker: Waker,
    /// It has carried a request before.
    pub(super) reused: bool,
    /// The request in hand asks for another protocol.
    upgrading: bool,
}

/// Who polls hyper's side of the connection.
enum Driver {
    /// The request in hand.
    Inline(Connection<TokioIo<Attended>, Outgoing>),
    /// Nobody: it has ended.
    Ended,
    /// Nobody: the backend has switched protocols.
    Switched(Connection<TokioIo<Attended>, Outgoing>),
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
        let bell = Arc::new(Bell::default());
        let io = TokioIo::new(Attended::new(stream, Arc::clone(&bell)));
        let (sender, connection) = Builder::new().title_case_headers(true).handshake(io).await?;
        let (driver, waker) = (Driver::Inline(connection), bell.waker());
        Ok(Box::new(Self { sender, driver, bell, waker, reused: false, upgrading: false }))
    }

    /// The connection can take a request, as far as is known here.
    pub(super) fn is_alive(&mut self) -> bool {
        // A backend that closes would have rung.
        if !self.bell.is_dry() {
            self.drive();
        }
        self.sender.is_ready()
    }

    /// Does what can be done without waiting. Who waits after that says so to the bell.
    pub(super) fn drive(&mut self) {
        if let Driver::Inline(connection) = &mut self.driver {
            self.bell.heard();
            let Poll::Ready(ended) = Pin::new(connection).poll(&mut Context::from_waker(&self.waker)) else { return };
            // An error is told to the request or to the body; there is nobody else to tell.
            self.driver = match std::mem::replace(&mut self.driver, Driver::Ended) {
                Driver::Inline(connection) if self.upgrading && ended.is_ok() => Driver::Switched(connection),
                _ => Driver::Ended,
            };
        }
    }

    /// It is polled by the request that uses it.
    pub(super) fn is_inline(&self) -> bool {
        !matches!(self.driver, Driver::Task(_))
    }

    /// From now on the task calls [`Self::drive`] again when there is something to do.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.bell.wait(cx);
    }

    /// It has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.driver, Driver::Ended)
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
    pub(super) fn send(
        mut self: Box<Self>,
        endpoint: &Arc<Endpoint>,
        request: Request<Outgoing>,
        upgrading: bool,
        sent: Option<oneshot::Receiver<()>>,
    ) -> impl Future<Output = Result<Answer, Failure>> {
        self.upgrading = upgrading;
        // Not part of the future, which is the smaller for it.
        let sending = self.sender.try_send_request(request);
        self.answered(endpoint, sending, sent)
    }

    async fn answered(
        mut self: Box<Self>,
        endpoint: &Arc<Endpoint>,
        sending: impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>>,
        sent: Option<oneshot::Receiver<()>>,
    ) -> Result<Answer, Failure> {
        let mut patience = Patience { limit: endpoint.transport().response_header, sent, timer: None };
        let response = {
            let mut answer = pin!(sending);
            poll_fn(|cx| {
                self.drive();
                // What is sent between us and the connection needs no wake-up: both are the same task.
                if let Poll::Ready(response) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    return Poll::Ready(response.map_err(Failure::from));
                }
                if matches!(self.driver, Driver::Switched(_)) {
                    // It has closed instead: hyper says so once the connection is gone.
                    self.driver = Driver::Ended;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if let Poll::Ready(limit) = patience.poll(cx) {
                    return Poll::Ready(Err(Failure::TimedOut(limit)));
                }
                self.wait(cx);
                Poll::Pending
            })
            .await?
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            // Boxed, here and where connections are made, so that the future of an ordinary request stays small.
            return Ok(Box::pin(self.switched(response.map(drop))).await);
        }
        if self.upgrading {
            // Declined: from here on it is a request like any other.
            self.upgrading = false;
            if matches!(self.driver, Driver::Switched(_)) {
                self.driver = Driver::Ended;
            }
        }
        if patience.is_sending() {
            self.detach();
        }
        let (head, incoming) = response.into_parts();
        let body = Answering::new(incoming, self, endpoint).into_body();
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
                Answer::Switched(response, parts.io.into_inner().into_stream(), parts.read_buf)
            }
            _ => Answer::Unasked,
        }
    }

    /// Keeps the connection for the next request where it can take one.
    pub(super) fn release(mut self: Box<Self>, endpoint: &Arc<Endpoint>) {
        self.reused = true;
        if !self.sender.is_ready() {
            self.drive();
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

/// How long the head of an answer may take, counted from the end of the request.
struct Patience {
    limit: Option<Duration>,
    /// Ends when the request's body has been sent.
    sent: Option<oneshot::Receiver<()>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Ready with the limit once it has passed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self.limit else { return Poll::Pending };
        if let Some(sent) = &mut self.sent {
            let _ = ready!(Pin::new(sent).poll(cx));
            self.sent = None;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| limit)
    }

    /// The request's body is still being sent.
    fn is_sending(&mut self) -> bool {
        self.sent.as_mut().is_some_and(|sent| sent.try_recv() == Err(oneshot::error::TryRecvError::Empty))
    }
}

impl fmt::Debug for Http1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").field("reused", &self.reused).finish_non_exhaustive()
    }
}

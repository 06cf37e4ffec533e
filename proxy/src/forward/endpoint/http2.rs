//! HTTP/2 towards a backend: a connection shared by a worker's requests.

use super::broken::Broken;
use super::http1::{MAX_HEAD_LENGTH, MAX_HEADERS};
use super::{Endpoint, Scheme};
use crate::forward::connect_error::ConnectError;
use crate::forward::headers::clean_trailers;
use crate::forward::request_body::RequestBody;
use crate::forward::stream::Stream;
use bytes::Bytes;
use flow_middleware::Body;
use flow_middleware::body::BodyError;
use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme as UriScheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Flow control windows as announced by Go's transport: hyper's 64 KiB would slow down gRPC and downloads.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Start of the clock for idle times.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A shared connection.
#[derive(Debug)]
pub(in crate::forward) struct Http2 {
    sender: SendRequest<RequestBody>,
    driver: Driver,
    load: Arc<Load>,
}

/// hyper's side of a connection, `None` once it has ended: its pending requests fail only when it is dropped.
/// Locked by the task that polls it, on the same worker, while that runs.
type Driver = Arc<Mutex<Option<Connection<TokioIo<Stream>, RequestBody, TokioExecutor>>>>;

/// The streams that a connection carries.
#[derive(Debug)]
struct Load {
    streams: AtomicUsize,
    /// The time when the last stream ended, in milliseconds since [`EPOCH`].
    ended: AtomicU64,
}

/// Counts one stream while it lives.
#[derive(Debug)]
pub(in crate::forward) struct Reserved(Arc<Load>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.ended.store(now(), Ordering::Relaxed);
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Http2 {
    /// Begins HTTP/2 on `stream`.
    pub(in crate::forward) async fn begin(stream: Stream, endpoint: &Endpoint) -> Result<Self, ConnectError> {
        let transport = endpoint.transport();
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(MAX_HEAD_LENGTH).unwrap_or(u32::MAX));
        if let Some(silence) = transport.read_idle {
            builder.keep_alive_interval(silence).keep_alive_timeout(transport.ping);
        }
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(ConnectError::Preface)?;
        let driver: Driver = Arc::new(Mutex::new(Some(connection)));
        tokio::spawn(drive(Arc::clone(&driver)));
        let load = Arc::new(Load { streams: AtomicUsize::new(0), ended: AtomicU64::new(now()) });
        Ok(Self { sender, driver, load })
    }

    /// The right to open a stream.
    pub(in crate::forward) fn open(&self) -> (SendRequest<RequestBody>, Reserved) {
        self.load.streams.fetch_add(1, Ordering::Relaxed);
        (self.sender.clone(), Reserved(Arc::clone(&self.load)))
    }

    /// The right to open a stream, if the backend allows one more.
    pub(in crate::forward) fn reserve(&self) -> Option<(SendRequest<RequestBody>, Reserved)> {
        let limit = self.driver.try_lock()?.as_ref()?.current_max_send_streams();
        (self.load.streams.load(Ordering::Relaxed) < limit).then(|| self.open())
    }

    /// True if it takes no more requests.
    pub(in crate::forward) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The time for which it has carried no stream.
    pub(in crate::forward) fn idle_for(&self) -> Option<Duration> {
        let idle = self.load.streams.load(Ordering::Relaxed) == 0;
        idle.then(|| Duration::from_millis(now().saturating_sub(self.load.ended.load(Ordering::Relaxed))))
    }
}

/// The reason why a request got no response.
#[derive(Debug)]
pub(in crate::forward) enum StreamError {
    /// hyper's error, with the request if nothing of it was sent.
    Broken(hyper::Error, Option<Box<Request<RequestBody>>>),
    /// The head of the response exceeds our limits.
    TooLarge,
    /// The time limit for the head of the response has passed.
    TimedOut(Duration),
}

async fn drive(driver: Driver) {
    poll_fn(|cx| {
        let mut connection = driver.lock();
        let Some(polled) = connection.as_mut().map(|connection| Pin::new(connection).poll(cx)) else {
            return Poll::Ready(());
        };
        if let Err(error) = ready!(polled) {
            tracing::debug!(%error, "a backend's HTTP/2 connection ended");
        }
        *connection = None;
        Poll::Ready(())
    })
    .await;
}

/// Sends `request` on `connection` and waits for the head of the response.
pub(in crate::forward) async fn send(
    mut connection: SendRequest<RequestBody>,
    reserved: Reserved,
    endpoint: &Endpoint,
    request: Request<RequestBody>,
    sent: Option<oneshot::Receiver<()>>,
) -> Result<Response<Body>, StreamError> {
    let (mut head, body) = request.into_parts();
    let host = into_http2(&mut head, endpoint);
    let mut response = pin!(connection.try_send_request(Request::from_parts(head, body)));
    let result = match endpoint.transport().response_header {
        None => response.await,
        Some(limit) => {
            let late = async {
                if let Some(sent) = sent {
                    // Either way the body has ended.
                    let _ = sent.await;
                }
                tokio::time::sleep(limit).await;
            };
            tokio::select! {
                result = &mut response => result,
                () = late => return Err(StreamError::TimedOut(limit)),
            }
        }
    };
    let response = result.map_err(|mut error| {
        let unsent = error.take_message().map(|request| {
            let (mut head, body) = request.into_parts();
            from_http2(&mut head, host);
            Box::new(Request::from_parts(head, body))
        });
        StreamError::Broken(error.into_error(), unsent)
    })?;
    if response.headers().len() > MAX_HEADERS {
        return Err(StreamError::TooLarge);
    }
    Ok(response.map(|incoming| {
        if incoming.is_end_stream() { Body::Empty } else { Body::boxed(ResponseBody { incoming, _stream: reserved }) }
    }))
}

/// Moves `Host` into `:authority`; returns it, to restore the request later.
fn into_http2(head: &mut Parts, endpoint: &Endpoint) -> Option<HeaderValue> {
    let host = head.headers.remove(HOST);
    let named = host.as_ref().and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = named.or_else(|| Authority::try_from(endpoint.address()).ok());
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    if authority.is_some() && parts.path_and_query.is_some() {
        parts.scheme = Some(if endpoint.scheme == Scheme::Https { UriScheme::HTTPS } else { UriScheme::HTTP });
        parts.authority = authority;
    }
    head.uri = Uri::from_parts(parts).unwrap_or_default();
    head.version = Version::HTTP_2;
    host
}

fn from_http2(head: &mut Parts, host: Option<HeaderValue>) {
    let path = std::mem::take(&mut head.uri).into_parts().path_and_query;
    head.uri = path.map(Uri::from).unwrap_or_default();
    head.version = Version::HTTP_11;
    if let Some(host) = host {
        head.headers.insert(HOST, host);
    }
}

/// The body of a response, which counts as a stream until it ends.
struct ResponseBody {
    incoming: Incoming,
    _stream: Reserved,
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame?.into_trailers() {
            Ok(trailers) if trailers.len() > MAX_HEADERS => Err(Broken::TooLarge.into()),
            Ok(mut trailers) => {
                clean_trailers(&mut trailers);
                Ok(Frame::trailers(trailers))
            }
            Err(data) => Ok(data),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

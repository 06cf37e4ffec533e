//! Sends one request to one backend, again on another connection if the first turns out to be dead.

use super::connect::{self, Protocol};
use super::endpoint::http1::{self, HeadForm, Http1, Http1Response, is_replayable};
use super::endpoint::http2::{self, Http2, Http2Stream};
use super::endpoint::{Broken, Endpoint, Http2Error, Scheme};
use super::error::ForwardError;
use super::headers::is_agreed;
use super::pinned::PinnedConnections;
use super::request_body::RequestBody;
use super::{ConnectError, Tunnel, Upgrading};
use flow_middleware::{Body, Connection, Interim, Spellings};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri, Version};
use std::pin::pin;
use std::sync::Arc;

/// A request to be sent; it stays whole until a connection has taken it.
pub(crate) struct UpstreamRequest {
    /// `None` once it was sent and cannot be sent again.
    request: Option<Request<RequestBody>>,
    upgrading: Option<Upgrading>,
    /// `None` for requests of our own.
    client: Option<ClientSide>,
    /// The number of times it was given to a connection.
    pub(crate) attempts: u32,
    /// Set when the backend has switched protocols.
    pub(crate) tunnel: Option<Arc<Tunnel>>,
}

/// The client's side of a request.
pub(crate) struct ClientSide {
    pub(crate) connection: Arc<Connection>,
    /// The version of its request.
    pub(crate) version: Version,
    /// The names of headers that are spelt as configured.
    pub(crate) spellings: Option<Spellings>,
    /// The way of a backend's interim responses.
    pub(crate) interim: Option<Interim>,
}

/// A connection for one request.
enum UpstreamConnection {
    Http1(Box<Http1>),
    Http2 {
        stream: Http2Stream,
        /// True if it has carried requests before.
        reused: bool,
    },
}

impl UpstreamRequest {
    pub(crate) fn new(request: Request<Body>, upgrading: Option<Upgrading>, client: Option<ClientSide>) -> Self {
        Self { request: Some(request.map(RequestBody::new)), upgrading, client, attempts: 0, tunnel: None }
    }

    /// A connection to `endpoint` that belongs to the client's.
    fn pinned(&self, endpoint: &Arc<Endpoint>) -> Option<Box<Http1>> {
        PinnedConnections::of(&self.client.as_ref()?.connection)?.take(endpoint)
    }

    /// The request's headers and URI, to be rewritten for a backend.
    pub(crate) fn request_mut(&mut self) -> Option<&mut Request<RequestBody>> {
        self.request.as_mut()
    }
}

/// Sends `upstream_request` to `endpoint`.
///
/// # Errors
/// After [`ForwardError::Connect`] the request is still whole and may go elsewhere.
pub(crate) async fn send(
    endpoint: &Arc<Endpoint>,
    upstream_request: &mut UpstreamRequest,
) -> Result<Response<Body>, ForwardError> {
    let mut fresh = upstream_request.upgrading.is_some();
    loop {
        let pinned = if fresh { None } else { upstream_request.pinned(endpoint) };
        let connection = match pinned {
            Some(connection) => UpstreamConnection::Http1(connection),
            None => connection(endpoint, upstream_request.upgrading.is_some(), fresh)
                .await
                .map_err(|source| ForwardError::Connect { address: Box::from(endpoint.address()), source })?,
        };
        let Some(request) = &mut upstream_request.request else { return Err(ForwardError::AlreadySent) };
        upstream_request.attempts += 1;
        let address = || Box::from(endpoint.address());
        let (source, again) = match connection {
            UpstreamConnection::Http1(connection) => {
                let again = connection.reused;
                let client = upstream_request.client.as_ref();
                let form = HeadForm {
                    upgrading: upstream_request.upgrading.is_some(),
                    spellings: client.and_then(|client| client.spellings.as_ref()),
                    absolute: endpoint.absolute_form(),
                };
                match pin!(connection.exchange(endpoint, request, form, client)).await {
                    Ok(Http1Response::Plain(response)) => return Ok(response),
                    Ok(Http1Response::Switched(response, stream, already_read)) => {
                        let Some(upgrading) = upstream_request.upgrading.take() else { return Err(protocol(endpoint)) };
                        if !is_agreed(&upgrading.protocol, response.headers()) {
                            return Err(protocol(endpoint));
                        }
                        let tunnels = &endpoint.transport().tunnels;
                        upstream_request.tunnel = Some(tunnels.join(upgrading.client, stream, already_read));
                        return Ok(response.map(|()| Body::Empty));
                    }
                    Ok(Http1Response::Unasked) => return Err(protocol(endpoint)),
                    Err(http1::ExchangeError::TimedOut(limit)) => {
                        return Err(ForwardError::TimedOut { address: address(), limit });
                    }
                    Err(http1::ExchangeError::Broken { error, can_resend }) => {
                        (Broken::Http1(error), again && can_resend)
                    }
                }
            }
            UpstreamConnection::Http2 { stream, reused } => {
                let snapshot = (reused && is_replayable(request)).then(|| HeadSnapshot::of(request));
                let interim = upstream_request.client.as_ref().and_then(|client| client.interim.as_ref());
                let sent = {
                    let exchange = pin!(http2::exchange(stream, endpoint, request, interim));
                    exchange.await
                };
                match sent {
                    Ok(response) => return Ok(response),
                    Err(http2::ExchangeError::TimedOut(limit)) => {
                        return Err(ForwardError::TimedOut { address: address(), limit });
                    }
                    Err(http2::ExchangeError::TooLarge) => {
                        return Err(ForwardError::Broken { address: address(), source: Broken::TooLarge });
                    }
                    Err(http2::ExchangeError::Unsent(error)) => (Broken::Http2(error.into()), reused),
                    Err(http2::ExchangeError::Broken(error)) => {
                        upstream_request.request =
                            snapshot.filter(|_| was_dead(&error)).map(HeadSnapshot::into_request);
                        (Broken::Http2(error), upstream_request.request.is_some())
                    }
                }
            }
        };
        // A connection that was opened for this very request cannot be stale: the failure is the backend's.
        if !again || fresh {
            return Err(ForwardError::Broken { address: address(), source });
        }
        tracing::debug!(address = endpoint.address(), error = %source, "an idle connection was dead: trying a new one");
        fresh = true;
    }
}

fn protocol(endpoint: &Endpoint) -> ForwardError {
    ForwardError::Protocol { address: Box::from(endpoint.address()) }
}

/// Takes an idle connection or opens a new one.
async fn connection(
    endpoint: &Arc<Endpoint>,
    upgrading: bool,
    fresh: bool,
) -> Result<UpstreamConnection, ConnectError> {
    let pool = &endpoint.pool;
    if !fresh {
        if endpoint.scheme != Scheme::H2c
            && let Some(connection) = pool.take()
        {
            return Ok(UpstreamConnection::Http1(connection));
        }
        if let Some(stream) = pool.shared() {
            return Ok(UpstreamConnection::Http2 { stream, reused: true });
        }
    }
    Box::pin(opened(endpoint, upgrading)).await
}

/// Opens a new connection, or takes one that others have just opened.
async fn opened(endpoint: &Arc<Endpoint>, upgrading: bool) -> Result<UpstreamConnection, ConnectError> {
    let pool = &endpoint.pool;
    let opening = if !upgrading && (endpoint.scheme == Scheme::H2c || pool.speaks_http2()) {
        let opening = connect::within(endpoint.transport().dial, async { Ok(pool.opening().await) }).await?;
        if let Some(stream) = pool.shared() {
            return Ok(UpstreamConnection::Http2 { stream, reused: true });
        }
        Some(opening)
    } else {
        None
    };
    let (stream, protocol) = connect::connect(endpoint, upgrading).await?;
    if endpoint.scheme == Scheme::Https && !upgrading {
        pool.note_http2(protocol == Protocol::Http2);
    }
    match protocol {
        Protocol::Http1 => Ok(UpstreamConnection::Http1(Http1::new(stream))),
        Protocol::Http2 => {
            let connection = Http2::begin(stream, endpoint).await?;
            let stream = connection.open();
            endpoint.share(connection);
            drop(opening);
            Ok(UpstreamConnection::Http2 { stream, reused: false })
        }
    }
}

/// True if the connection closed without a response, as a stale one does, or the backend has not looked at the request.
fn was_dead(error: &Http2Error) -> bool {
    let Http2Error::Stream(error) = error else { return false };
    error.is_go_away() || error.is_io() || error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

/// The data to send a request without a body again after HTTP/2 has taken it. Its headers are a list, at half the cost
/// of cloning their map: hardly any is ever used.
struct HeadSnapshot {
    method: Method,
    uri: Uri,
    version: Version,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HeadSnapshot {
    fn of(request: &Request<RequestBody>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }

    fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::default());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request
    }
}

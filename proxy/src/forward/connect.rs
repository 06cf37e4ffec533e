//! Connects to a backend.

use super::connect_error::ConnectError;
use super::endpoint::{Endpoint, Scheme, Target};
use super::outbound::{self, OutboundProxy};
use super::stream::Stream;
use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The limit for a TLS handshake (Go's `TLSHandshakeTimeout` in Traefik).
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The protocol of a new connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, agreed by ALPN or configured.
    Http2,
}

/// Connects to `endpoint`, for a request that asks for an upgrade or for any other. An upgrade needs HTTP/1.1.
pub(super) async fn connect(endpoint: &Endpoint, upgrading: bool) -> Result<(Stream, Protocol), ConnectError> {
    let transport = endpoint.transport();
    let tcp = within(transport.dial, dial(endpoint.next_hop())).await?;
    let stream = match endpoint.proxy().and_then(|proxy| proxy.tls.as_ref()) {
        Some((client, name)) => Stream::Tls(Box::new(handshake(client, name, tcp).await?)),
        None => Stream::Plain(tcp),
    };
    match endpoint.scheme {
        Scheme::Http => Ok((stream, Protocol::Http1)),
        Scheme::H2c => Ok((stream, if upgrading { Protocol::Http1 } else { Protocol::Http2 })),
        Scheme::Https => {
            let stream = match endpoint.proxy() {
                Some(proxy) => tunnel(stream, proxy, &endpoint.target).await?,
                None => stream,
            };
            let client = if upgrading { &transport.clients.http1 } else { &transport.clients.negotiating };
            let (stream, agreed) = match stream {
                Stream::Plain(tcp) => {
                    let tls = handshake(client, &endpoint.server_name, tcp).await?;
                    let agreed = is_http2(tls.get_ref().1);
                    (Stream::Tls(Box::new(tls)), agreed)
                }
                below => {
                    let tls = handshake(client, &endpoint.server_name, below).await?;
                    let agreed = is_http2(tls.get_ref().1);
                    (Stream::Nested(Box::new(tls)), agreed)
                }
            };
            Ok((stream, if agreed { Protocol::Http2 } else { Protocol::Http1 }))
        }
    }
}

/// Begins TLS with the server `name`.
async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    client: &TlsConnector,
    name: &ServerName<'static>,
    stream: S,
) -> Result<TlsStream<S>, ConnectError> {
    let handshake = async { client.connect(name.clone(), stream).await.map_err(ConnectError::Tls) };
    within(Some(TLS_HANDSHAKE_TIMEOUT), handshake).await
}

fn is_http2(connection: &ClientConnection) -> bool {
    connection.alpn_protocol() == Some(b"h2")
}

/// Asks `proxy` for a tunnel to `target`.
async fn tunnel(stream: Stream, proxy: &OutboundProxy, target: &Target) -> Result<Stream, ConnectError> {
    let opening = async {
        let opened = outbound::open(stream, proxy, &target.to_string()).await;
        opened.map_err(|source| ConnectError::Tunnel { proxy: Box::from(proxy.address()), source })
    };
    within(Some(outbound::ANSWER_TIMEOUT), opening).await
}

/// Limits `work` to `limit`.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or(Err(ConnectError::TimedOut(limit))),
        None => work.await,
    }
}

async fn dial(target: &Target) -> Result<TcpStream, ConnectError> {
    match target {
        Target::Address(address) => dial_address(*address).await.map_err(ConnectError::Io),
        Target::Name { host, port } => {
            let addresses = tokio::net::lookup_host((&**host, *port)).await.map_err(ConnectError::Resolve)?;
            let mut last = None;
            for address in addresses {
                match dial_address(address).await {
                    Ok(tcp) => return Ok(tcp),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.map_or_else(|| ConnectError::Resolve(io::ErrorKind::NotFound.into()), ConnectError::Io))
        }
    }
}

async fn dial_address(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

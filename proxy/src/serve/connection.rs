//! From an accepted socket to HTTP: reads the PROXY header, detects TLS and the HTTP version.

use super::{Client, Handler, http1, http2};
use crate::listener::{Entry, OpenConnection, Stream, proxy_protocol};
use crate::tls::{self, Handshake, HandshakeError, TlsSource};
use flow_middleware::{Connection, TlsSession};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first byte of a TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// The time for the first bytes, the TLS handshake and the preface, if the entry point sets no limit.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The time in which a connection may still send its first request once its entry point closes.
const DRAIN_FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The reason why a connection ended before its first request.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("the client broke off")]
    Io(#[from] io::Error),
    #[error("the client said nothing for too long")]
    Silent,
    #[error(transparent)]
    Tls(#[from] HandshakeError),
}

/// Serves one accepted connection to its end.
pub(crate) async fn accepted<H: Handler>(
    tcp: TcpStream,
    peer: SocketAddr,
    entry: Arc<Entry>,
    handler: Arc<H>,
    tls: Arc<dyn TlsSource>,
    closing: CancellationToken,
) {
    let open = entry.opened();
    let opening = tokio::select! {
        biased;
        opening = open_connection(tcp, peer, &entry, &*tls) => opening,
        // The client's first bytes may be under way.
        () = async { closing.cancelled().await; sleep(DRAIN_FIRST_REQUEST_TIMEOUT).await } => return,
    };
    match opening {
        Ok(Some(Opened { transport, remote, local })) => {
            serve(transport, remote, local, entry, handler, open, &closing).await
        }
        Ok(None) => {}
        Err(error) => {
            let reason = &error as &dyn std::error::Error;
            tracing::debug!(entry_point = &*entry.point.name, %peer, error = reason, "connection ended before a request");
        }
    }
}

/// A connection before its first request.
struct Opened {
    transport: Transport,
    remote: SocketAddr,
    local: SocketAddr,
}

enum Transport {
    Plain(Stream),
    Tls(Box<tokio_rustls::server::TlsStream<Stream>>, TlsSession),
}

async fn open_connection(
    tcp: TcpStream,
    peer: SocketAddr,
    entry: &Entry,
    tls: &dyn TlsSource,
) -> Result<Option<Opened>, OpenError> {
    let time_limit =
        Some(entry.point.transport.read_timeout).filter(|limit| !limit.is_zero()).unwrap_or(FIRST_REQUEST_TIMEOUT);
    timeout(time_limit, async {
        let local = tcp.local_addr()?;
        let mut stream = Stream::new(tcp);
        let (mut remote, mut local) = (peer, local);
        if let Some(rules) = &entry.point.proxy_protocol
            && let Some(named) = proxy_protocol::accept(&mut stream, peer, rules).await?
        {
            (remote, local) = named;
        }
        let (remote, local) = (canonical(remote), canonical(local));
        while stream.peeked().is_empty() {
            if !stream.peek_more().await? {
                return Ok(None);
            }
        }
        let transport = if stream.peeked().first() == Some(&TLS_HANDSHAKE) {
            match tls::handshake(stream, entry, local.ip(), tls).await? {
                Handshake::Done(stream, session) => Transport::Tls(stream, session),
                Handshake::Over => return Ok(None),
            }
        } else {
            Transport::Plain(stream)
        };
        Ok(Some(Opened { transport, remote, local }))
    })
    .await
    .unwrap_or(Err(OpenError::Silent))
}

/// Turns an IPv4-mapped address of a dual-stack socket into IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

async fn serve<H: Handler>(
    transport: Transport,
    remote: SocketAddr,
    local: SocketAddr,
    entry: Arc<Entry>,
    handler: Arc<H>,
    open: OpenConnection,
    closing: &CancellationToken,
) {
    let client = |tls| {
        let connection = Connection::new(remote, local, tls, entry.point.name.clone());
        let origin = entry.policy.origin(&connection);
        Arc::new(Client { connection: Arc::new(connection), entry: Arc::clone(&entry), origin })
    };
    match transport {
        Transport::Plain(mut stream) => match is_h2(&mut stream).await {
            Some(true) => http2::serve(stream, client(None), handler, open, closing).await,
            Some(false) => http1::serve(stream, client(None), handler, open, closing).await,
            None => {}
        },
        Transport::Tls(stream, session) => {
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let client = client(Some(session));
            if is_h2 {
                http2::serve(stream, client, handler, open, closing).await;
            } else {
                http1::serve(stream, client, handler, open, closing).await;
            }
        }
    }
}

/// True if the client speaks HTTP/2 by prior knowledge; `None` if it closed before that was known.
async fn is_h2(stream: &mut Stream) -> Option<bool> {
    loop {
        let peeked = stream.peeked();
        if peeked.starts_with(H2_PREFACE) {
            return Some(true);
        }
        if !H2_PREFACE.starts_with(peeked) {
            return Some(false);
        }
        match timeout(FIRST_REQUEST_TIMEOUT, stream.peek_more()).await {
            Ok(Ok(true)) => {}
            _ => return None,
        }
    }
}

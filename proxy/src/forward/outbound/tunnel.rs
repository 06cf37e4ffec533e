//! CONNECT: a proxy's tunnel to a server (RFC 9110 section 9.3.6).

use super::OutboundProxy;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The time for a proxy's answer, as in Go.
pub(in crate::forward) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// The reason why a proxy opens no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The connection broke.
    #[error("the connection to the proxy broke")]
    Io(#[from] io::Error),
    /// It does not answer in HTTP.
    #[error("the proxy's answer is no HTTP")]
    Malformed,
    /// It answered with another status than success.
    #[error("the proxy answered {0}")]
    Refused(u16),
}

/// Asks `proxy`, over the connection `stream`, for a tunnel to `server` (host and port).
pub(in crate::forward) async fn open<S>(mut stream: S, proxy: &OutboundProxy, server: &str) -> Result<S, TunnelError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    // Byte by byte: what comes after the head belongs to the server.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(TunnelError::Malformed);
        }
        head.push(stream.read_u8().await?);
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    match (response.parse(&head), response.code) {
        (Ok(_), Some(200..=299)) => Ok(stream),
        (Ok(_), Some(status)) => Err(TunnelError::Refused(status)),
        _ => Err(TunnelError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tokio::io::duplex;

    /// The answer to a request for a tunnel, the request, and what the client reads after it.
    async fn asked(proxy: &str, answer: &str) -> (Result<String, TunnelError>, String) {
        let proxy = OutboundProxy::parse("HTTPS_PROXY", proxy).unwrap();
        let (client, mut server) = duplex(64 * 1024);
        server.write_all(answer.as_bytes()).await.unwrap();
        let opened = open(client, &proxy, "a.test:443").await;
        let mut request = vec![0; 1024];
        let count = server.read(&mut request).await.unwrap();
        drop(server);
        let rest = match opened {
            Ok(mut stream) => {
                let mut rest = String::new();
                stream.read_to_string(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(error) => Err(error),
        };
        (rest, String::from_utf8(request[..count].to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_with_the_user_of_the_url() {
        let (rest, request) = asked("anna:secret@proxy.test", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello").await;
        assert_eq!(rest.unwrap(), "hello", "bytes after the head are the server's");
        let expected =
            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Basic YW5uYTpzZWNyZXQ=\r\n\r\n";
        assert_eq!(request, expected);
        let (rest, request) = asked("proxy.test", "HTTP/1.0 200 Connection established\r\n\r\n").await;
        assert!(rest.is_ok() && !request.contains("Authorization"));
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_or_talks_nonsense_opens_none() {
        let (refused, _) = asked("proxy.test", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        assert!(matches!(refused, Err(TunnelError::Refused(407))));
        let (nonsense, _) = asked("proxy.test", "SSH-2.0-OpenSSH\r\n\r\n").await;
        assert!(matches!(nonsense, Err(TunnelError::Malformed)));
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(20_000));
        assert!(matches!(asked("proxy.test", &endless).await.0, Err(TunnelError::Malformed)));
        let proxy = OutboundProxy::parse("HTTPS_PROXY", "proxy.test").unwrap();
        let (client, mut server) = duplex(1024);
        server.write_all(b"HTTP/1.1 200").await.unwrap();
        server.shutdown().await.unwrap();
        assert!(matches!(open(client, &proxy, "a.test:443").await, Err(TunnelError::Io(_))));
    }
}

//! Upgrades, from a client's socket to a backend's.

use super::*;
use crate::forward::Kind;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A server before `service`; failures become 500.
async fn front(service: Arc<Service>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let service = Arc::clone(&service);
            async move {
                let mut hop = Hop::default();
                let exchange = exchange(request.map(Body::from));
                let answered = service.forward(exchange, ForwardedFor::Append, &mut hop).await;
                Ok::<_, std::convert::Infallible>(answered.unwrap_or_else(|error| {
                    assert_eq!(error.kind(), Kind::Internal);
                    Response::builder().status(500).body(Body::Empty).unwrap()
                }))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        let _ = connection.with_upgrades().await;
    });
    Peer::new(TcpStream::connect(address).await.unwrap())
}

#[tokio::test]
async fn bytes_pass_both_ways_after_a_switch() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Key: dGhl"), "the casing that some servers insist on: {head}");
        peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nfirst;").await;
        while let Some(text) = peer.until(";").await {
            peer.write(&format!("echo {text}")).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut client = front(Arc::clone(&fixture.service)).await;
    client.write(ASK).await;
    let head = client.head().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("connection: upgrade") && head.contains("upgrade: websocket"), "{head}");
    assert_eq!(client.until(";").await.unwrap(), "first;");
    for text in ["a;", "b;"] {
        client.write(text).await;
        assert_eq!(client.until(";").await.unwrap(), format!("echo {text}"));
    }
    let tunnels = fixture.tunnels.clone();
    assert_eq!(tunnels.open(), 1);
    drop(fixture);
    client.write("after the configuration changed;").await;
    assert_eq!(client.until(";").await.unwrap(), "echo after the configuration changed;");
    tunnels.close();
    client.closed().await;
    while tunnels.open() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_tunnel() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut client = front(Arc::clone(&fixture.service)).await;
    client.write(ASK).await;
    client.head().await.unwrap();
    drop(client);
    while fixture.tunnels.open() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_backend_may_decline() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno").await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut client = front(Arc::clone(&fixture.service)).await;
    client.write(ASK).await;
    assert!(client.until("no").await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(fixture.tunnels.open(), 0);
}

#[tokio::test]
async fn another_protocol_than_asked_for_is_an_error() {
    for ask in [ASK, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"] {
        let backend = Backend::run(|mut peer, _| async move {
            peer.head().await;
            peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n").await;
            peer.closed().await;
        })
        .await;
        let fixture = Fixture::new(&[&backend.url]);
        let mut client = front(Arc::clone(&fixture.service)).await;
        client.write(ask).await;
        assert!(client.head().await.unwrap().starts_with("HTTP/1.1 500 "));
        assert_eq!(fixture.tunnels.open(), 0);
    }
}

//! Upgrades, from a client's socket to a backend's.

use super::*;
use flow_middleware::FailureKind;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A server before `service`; failures become 500.
async fn front(service: Arc<Service>) -> Peer {
    front_with(service, |_| ()).await
}

/// The same; `seen` gets the record of a request that got a response.
async fn front_with(service: Arc<Service>, seen: impl Fn(&mut UpstreamRecord) + Send + Sync + 'static) -> Peer {
    let seen = Arc::new(seen);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let handler = service_fn(move |request: Request<hyper::body::Incoming>| {
            let (service, seen) = (Arc::clone(&service), Arc::clone(&seen));
            async move {
                let mut record = UpstreamRecord::default();
                let exchange = exchange(request.map(Body::from));
                let result = forward(&service, exchange, &mut record).await;
                if result.is_ok() {
                    seen(&mut record);
                }
                Ok::<_, std::convert::Infallible>(result.unwrap_or_else(|error| {
                    assert_eq!(error.kind(), FailureKind::Internal);
                    Response::builder().status(500).body(Body::Empty).unwrap()
                }))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
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
    const PLAIN: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    const UNNAMED: &str = "GET / HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\n\r\n";
    for (ask, agreed) in [
        (ASK, "Upgrade: other\r\n"),
        (ASK, "Upgrade: websocket\r\nUpgrade: other\r\n"),
        (ASK, "Upgrade: websocket, h2c\r\n"),
        (ASK, ""),
        (PLAIN, "Upgrade: websocket\r\n"),
        (PLAIN, ""),
        (UNNAMED, "Upgrade: websocket\r\n"),
    ] {
        let backend = Backend::run(move |mut peer, _| async move {
            peer.head().await;
            peer.write(&format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{agreed}\r\n")).await;
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

#[tokio::test]
async fn a_backend_may_choose_among_the_protocols_asked_for() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("\r\nUpgrade: one, two\r\n"), "{head}");
        peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Two\r\n\r\nhello;").await;
        peer.closed().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut client = front(Arc::clone(&fixture.service)).await;
    client.write("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: one, two\r\n\r\n").await;
    assert!(client.head().await.unwrap().starts_with("HTTP/1.1 101 "));
    assert_eq!(client.until(";").await.unwrap(), "hello;");
}

/// Sends a message when it is dropped.
struct Told(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn a_tunnel_counts_and_tells_its_end() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst;").await;
        peer.until("bye;").await;
        peer.write("gone;").await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (service, (tell, mut told)) = (Arc::clone(&fixture.service), mpsc::unbounded_channel());
    let mut client = front_with(service, move |record| tell.send(record.tunnel.take().unwrap()).unwrap()).await;
    client.write(ASK).await;
    client.head().await.unwrap();
    let tunnel = told.recv().await.unwrap();
    let (ended, mut end) = tokio::sync::oneshot::channel();
    tunnel.keep(Box::new(Told(Some(ended))));
    assert_eq!(client.until(";").await.unwrap(), "first;");
    assert_eq!(end.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty));
    client.write("hello and bye;").await;
    assert_eq!(client.until(";").await.unwrap(), "gone;");
    drop(client);
    end.await.unwrap();
    assert_eq!((tunnel.from_client(), tunnel.to_client()), (14, 11));
    let (ended, end) = tokio::sync::oneshot::channel();
    tunnel.keep(Box::new(Told(Some(ended))));
    end.await.unwrap();
}

//! Time limits, the pool's limits, and `Expect`.

use super::*;
use crate::forward::Fetcher;
use flow_middleware::{FailureKind, Fetch as _, FetchError};
use flow_model::duration::GoDuration;
use std::time::Duration;
use tokio::sync::Notify;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn transport(change: impl Fn(&mut ServersTransport)) -> ServersTransport {
    let mut transport = ServersTransport::default();
    change(&mut transport);
    transport
}

async fn silent() -> Backend {
    Backend::run(|mut peer, _| async move {
        peer.closed().await;
    })
    .await
}

#[tokio::test]
async fn an_answer_that_takes_too_long() {
    let backend = silent().await;
    let limited = transport(|t| t.timeouts.response_header = GoDuration::from_millis(30));
    let fixture = Fixture::with(&[&backend.url], &limited, |_| ());
    assert_eq!(fixture.send(get("/")).await.unwrap_err().kind(), FailureKind::TimedOut);
    assert_eq!(fixture.send(post("/", "body")).await.unwrap_err().kind(), FailureKind::TimedOut);
}

#[tokio::test]
async fn the_time_runs_from_the_requests_end() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.until("0\r\n\r\n").await;
        peer.write(OK).await;
    })
    .await;
    let limited = transport(|t| t.timeouts.response_header = GoDuration::from_millis(80));
    let fixture = Fixture::with(&[&backend.url], &limited, |_| ());
    let (feed, body) = fed();
    let slow = async {
        for _ in 0..4 {
            feed.send(data("more")).unwrap();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        drop(feed);
    };
    let ((status, _), ()) = tokio::join!(fixture.text(post("/", body)), slow);
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_tls_server_that_says_nothing_is_a_timeout_of_the_dial() {
    // The handshake's own limit is fixed, so this one dials a port whose queue is full.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        queue.push(stream);
    }
    let limited = transport(|t| t.timeouts.dial = GoDuration::from_millis(50));
    let fixture = Fixture::with(&[format!("http://{address}")], &limited, |_| ());
    let error = fixture.send(get("/")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (FailureKind::TimedOut, true));
}

#[tokio::test]
async fn idle_connections_close_in_time() {
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let backend = Backend::run(move |mut peer, _| {
        let told = Arc::clone(&told);
        async move {
            peer.head().await;
            peer.write(OK).await;
            peer.closed().await;
            told.notify_one();
        }
    })
    .await;
    let limited = transport(|t| t.timeouts.idle_connection = GoDuration::from_millis(40));
    let fixture = Fixture::with(&[&backend.url], &limited, |_| ());
    fixture.text(get("/")).await;
    tokio::time::timeout(Duration::from_secs(5), closed.notified()).await.unwrap();
}

#[tokio::test]
async fn idle_connections_close_with_their_endpoint() {
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let backend = Backend::run(move |mut peer, _| {
        let told = Arc::clone(&told);
        async move {
            peer.head().await;
            peer.write(OK).await;
            peer.closed().await;
            told.notify_one();
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    fixture.text(get("/")).await;
    drop(fixture);
    tokio::time::timeout(Duration::from_secs(5), closed.notified()).await.unwrap();
}

#[tokio::test]
async fn no_more_idle_connections_than_allowed() {
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let all_here = Arc::new(tokio::sync::Barrier::new(3));
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let backend = Backend::run(move |mut peer, _| {
        let (count, all_here, told) = (Arc::clone(&count), Arc::clone(&all_here), Arc::clone(&told));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            peer.head().await;
            all_here.wait().await;
            peer.write(OK).await;
            peer.closed().await;
            count.fetch_sub(1, Ordering::SeqCst);
            told.notify_one();
        }
    })
    .await;
    let one = transport(|t| t.max_idle_connections = 1);
    let fixture = Fixture::with(&[&backend.url], &one, |_| ());
    tokio::join!(fixture.text(get("/")), fixture.text(get("/")), fixture.text(get("/")));
    while open.load(Ordering::SeqCst) > 1 {
        tokio::time::timeout(Duration::from_secs(5), closed.notified()).await.unwrap();
    }
    assert_eq!(open.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_waits_for_the_hundred_continue() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("Expect: 100-continue\r\n"), "{head}");
        if head.starts_with("POST /wanted") {
            peer.write("HTTP/1.1 100 Continue\r\n\r\n").await;
            assert_eq!(peer.until("body").await.unwrap(), "body");
            peer.write(OK).await;
        } else {
            peer.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await;
        }
        let mut rest = String::new();
        let _ = peer.stream.read_to_string(&mut rest).await;
        assert_eq!(rest, "", "nothing more is sent");
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let request = |path| {
        let mut request = post(path, "body");
        request.headers_mut().insert("expect", "100-continue".parse().unwrap());
        request.headers_mut().insert("content-length", "4".parse().unwrap());
        request
    };
    assert_eq!(fixture.text(request("/unwanted")).await.0, 417);
    assert_eq!(fixture.text(request("/wanted")).await.0, 200);
}

#[tokio::test]
async fn middlewares_fetch_over_connections_of_their_own() {
    let backend = Backend::run(|mut peer, _| async move {
        while let Some(head) = peer.head().await {
            if head.starts_with("GET /slow") {
                peer.closed().await;
                return;
            }
            let wanted = head.contains("\r\nHost: 127.0.0.1") && head.starts_with("GET /auth?x=1 HTTP/1.1\r\n");
            peer.write(&format!("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", if wanted { 204 } else { 400 })).await;
        }
    })
    .await;
    let fetcher = Fetcher::new(&Arc::default()).unwrap();
    let fetch = |path: &str| {
        let request = Request::builder().uri(format!("{}{path}", backend.url)).body(Body::Empty).unwrap();
        fetcher.fetch(request, None, Duration::from_millis(300))
    };
    for _ in 0..2 {
        assert_eq!(fetch("/auth?x=1").await.unwrap().status(), 204);
    }
    assert_eq!(backend.connections(), 1);
    assert!(matches!(fetch("/slow").await, Err(FetchError::TimedOut { .. })));
    let request = Request::builder().uri(nobody().await).body(Body::Empty).unwrap();
    let refused = fetcher.fetch(request, None, Duration::from_secs(5)).await;
    assert!(matches!(refused, Err(FetchError::Unreachable { .. })));
}

#[tokio::test]
async fn a_backend_may_say_only_so_much_before_its_answer() {
    for (count, answered) in [(32, true), (33, false)] {
        let backend = Backend::run(move |mut peer, _| async move {
            peer.head().await;
            for number in 0..count {
                let status = if number % 2 == 0 { "100 Continue" } else { "103 Early Hints" };
                peer.write(&format!("HTTP/1.1 {status}\r\n\r\n")).await;
            }
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            peer.closed().await;
        })
        .await;
        let fixture = Fixture::new(&[&backend.url]);
        match fixture.send(get("/")).await {
            Ok((response, _)) => assert!(answered && response.status() == 200),
            Err(error) => assert!(!answered && error.kind() == FailureKind::Internal, "{error:?}"),
        }
    }
}

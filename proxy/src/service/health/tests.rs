//! Checks over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::check::Check;
use super::request::{Failure, run};
use super::{Probe, Probes};
use crate::forward::tests::{Backend, Peer, nobody};
use crate::forward::{Transport, Tunnels};
use bytes::Bytes;
use flow_model::config::ServersTransport;
use http::{HeaderMap, Response};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

fn transport() -> Arc<Transport> {
    Transport::compile(&ServersTransport::default(), &Tunnels::new(), &Arc::default()).unwrap()
}

async fn ask(check: &str, server: &str) -> Result<(), Failure> {
    run(&Check::new(&serde_json::from_str(check).unwrap()).unwrap(), server, &transport()).await
}

/// A server that sends `response` for each request, and the heads of the requests.
async fn server(response: impl Fn(&str) -> String + Clone + Send + 'static) -> (Backend, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&requests);
    let backend = Backend::run(move |mut peer: Peer, _| {
        let (got, response) = (Arc::clone(&got), response.clone());
        async move {
            while let Some(request) = peer.head().await {
                let response = response(&request);
                got.lock().push(request);
                peer.write(&response).await;
            }
        }
    })
    .await;
    (backend, requests)
}

fn status(status: u16) -> impl Fn(&str) -> String + Clone + Send + 'static {
    move |_: &str| format!("HTTP/1.1 {status} Any\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_status_tells() {
    for (answer, wanted, is_up) in [
        (200, "{}", true),
        (204, "{}", true),
        (304, "{}", true),
        (404, "{}", false),
        (503, "{}", false),
        (404, r#"{"status": 404}"#, true),
        (200, r#"{"status": 204}"#, false),
    ] {
        let (backend, _) = server(status(answer)).await;
        assert_eq!(ask(wanted, &backend.url).await.is_ok(), is_up, "{answer} {wanted}");
    }
    assert!(matches!(ask("{}", &nobody().await).await, Err(Failure::Forward(_))));
}

#[tokio::test]
async fn a_request_is_as_configured() {
    let (backend, requests) = server(status(200)).await;
    let check = r#"{
        "path": "/up?deep=1", "method": "HEAD", "hostname": "app.test", "headers": {"X-Check": "yes", "Host": "other"}
    }"#;
    ask(check, &backend.url).await.unwrap();
    let expected = "HEAD /up?deep=1 HTTP/1.1\r\nHost: app.test\r\nX-Check: yes\r\n\r\n";
    assert_eq!(*requests.lock(), [expected]);
    // The port is another one's.
    let port = backend.url.rsplit(':').next().unwrap();
    ask(&format!(r#"{{"port": {port}, "scheme": "http"}}"#), "https://127.0.0.1:1").await.unwrap();
    assert_eq!(requests.lock()[1], format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
}

#[tokio::test]
async fn redirections_are_followed_unless_the_check_says_otherwise() {
    let (elsewhere, seen) = server(status(200)).await;
    let target = format!("{}/there", elsewhere.url);
    let redirect = move |request: &str| {
        let (status, location) = match request.split(' ').nth(1).unwrap() {
            "/" => (302, "/next"),
            "/next" => (307, target.as_str()),
            "/none" => (302, "ftp://a.test/"),
            _ => (301, "/loop"),
        };
        format!("HTTP/1.1 {status} Any\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
    };
    let (backend, requests) = server(redirect).await;
    let check = r#"{"method": "POST", "hostname": "app.test", "headers": {"Authorization": "secret", "X-A": "1"}}"#;
    ask(check, &backend.url).await.unwrap();
    let methods: Vec<_> = requests.lock().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["POST / HTTP/1.1", "GET /next HTTP/1.1"]);
    assert!(requests.lock()[1].contains("Host: app.test") && requests.lock()[1].contains("Authorization: secret"));
    let last = seen.lock()[0].clone();
    assert!(last.starts_with("GET /there ") && last.contains("X-A: 1"), "{last}");
    assert!(!last.contains("Authorization") && !last.contains("app.test"), "{last}");

    assert!(ask(r#"{"followRedirects": false}"#, &backend.url).await.is_ok(), "302 is a status of its own");
    assert_eq!(seen.lock().len(), 1);
    assert!(matches!(ask(r#"{"path": "/loop"}"#, &backend.url).await, Err(Failure::Redirections)));
    assert!(matches!(ask(r#"{"path": "/none"}"#, &backend.url).await, Err(Failure::Status(_))));
}

#[tokio::test]
async fn an_answer_of_any_length_costs_its_head() {
    let (sender, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let endless = Backend::run(move |mut peer, _| {
        let sender = sender.clone();
        async move {
            use tokio::io::AsyncWriteExt as _;
            peer.head().await.unwrap();
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n").await;
            let mut sent = 0;
            while peer.stream.write_all(&[b'x'; 65536]).await.is_ok() {
                sent += 65536;
            }
            sender.send(sent).unwrap();
        }
    })
    .await;
    ask("{}", &endless.url).await.unwrap();
    assert!(closed.recv().await.unwrap() < 10 << 20, "the connection is closed long before the end");
    let head = Backend::run(|mut peer, _| async move {
        use tokio::io::AsyncWriteExt as _;
        peer.head().await.unwrap();
        while peer.stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await.is_ok()
            && peer.stream.write_all(&[b'x'; 65536]).await.is_ok()
        {}
    })
    .await;
    assert!(matches!(ask("{}", &head.url).await, Err(Failure::Forward(_))));
}

#[tokio::test]
async fn a_server_has_so_much_time() {
    let silent = Backend::run(|mut peer, _| async move { peer.closed().await }).await;
    let begun = Instant::now();
    for mode in ["http", "grpc"] {
        let check = format!(r#"{{"mode": "{mode}", "timeout": "50ms"}}"#);
        assert!(matches!(ask(&check, &silent.url).await, Err(Failure::TimedOut(_) | Failure::Forward(_))));
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// A gRPC server that answers with this message and status; without a message, with the status alone.
async fn grpc(message: Option<&'static [u8]>, status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let (head, mut body) = request.into_parts();
                seen.lock().push(format!("{} {} {:?}", head.method, head.uri.path(), head.headers["content-type"]));
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let question = body.data().await.unwrap().unwrap();
                    seen.lock().push(format!("{:?}", &question[..]));
                    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
                    let mut response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                    let Some(message) = message else {
                        response.headers_mut().extend(trailers);
                        respond.send_response(response, true).unwrap();
                        return;
                    };
                    let mut stream = respond.send_response(response, false).unwrap();
                    stream.send_data(Bytes::from_static(message), false).unwrap();
                    stream.send_trailers(trailers).unwrap();
                });
            }
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_grpc_server_serves_if_it_says_so() {
    const GRPC: &str = r#"{"mode": "grpc", "path": "/ignored"}"#;
    static LONG: [u8; 65536] = [0; 65536];
    for (message, code, is_up) in [
        (Some(&[0, 0, 0, 0, 2, 8, 1][..]), "0", true),
        (Some(&[0, 0, 0, 0, 2, 8, 2]), "0", false),
        (Some(&[0, 0, 0, 0, 0]), "0", false),
        (Some(&[0, 0, 0, 0, 2, 8, 1]), "14", false),
        (Some(&LONG), "0", false),
        (None, "12", false),
        (None, "0", false),
    ] {
        let (url, asked) = grpc(message, code).await;
        let asking = ask(GRPC, &url).await;
        assert_eq!(asking.is_ok(), is_up, "{message:?} {code} {asking:?}");
        assert_eq!(asked.lock()[0], "POST /grpc.health.v1.Health/Check \"application/grpc\"");
        assert_eq!(asked.lock()[1], "[0, 0, 0, 0, 0]");
    }
    let (plain, _) = server(status(200)).await;
    assert!(ask(GRPC, &plain.url).await.is_err());
}

#[tokio::test]
async fn a_server_is_asked_once_however_many_services_have_it() {
    let (backend, requests) = server(status(503)).await;
    let check = |path: &str| {
        let json = format!(r#"{{"path": "{path}", "interval": "20ms", "unhealthyInterval": "1h"}}"#);
        Arc::new(Check::new(&serde_json::from_str(&json).unwrap()).unwrap())
    };
    let (mut probes, transport) = (Probes::new(Some(Handle::current())), transport());
    let first = probes.probe(&backend.url, &check("/up"), &transport);
    let same = probes.probe(&backend.url, &check("/up"), &transport);
    assert!(Arc::ptr_eq(&first, &same) && first.is_up());
    let other = probes.probe(&backend.url, &check("/ready"), &transport);
    assert!(!Arc::ptr_eq(&first, &other));
    let both_are_down = async {
        while first.is_up() || other.is_up() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both_are_down).await.unwrap();
    assert_eq!(requests.lock().len(), 2, "each was asked once");
    drop((first, same, other));
    probes.sweep();
    assert!(probes.probe(&backend.url, &check("/up"), &transport).is_up(), "a new one begins anew");
    assert!(Probes::new(None).probe(&backend.url, &check("/up"), &transport).is_up());
    assert!(Probe::idle().is_up());
}

use crate::serve::test_kit::{Running, entry_point};
use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use tokio::net::TcpStream;

type Sender<B> = http2::SendRequest<B>;

async fn connect<B>(server: &Running) -> (Sender<B>, tokio::task::JoinHandle<hyper::Result<()>>)
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn text(response: http::Response<hyper::body::Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn prior_knowledge_is_enough() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let request =
        |path: &str| Request::post(format!("http://a.test{path}")).body(Full::new(Bytes::from("hi"))).unwrap();
    let (one, two) = tokio::join!(sender.clone().send_request(request("/1")), sender.send_request(request("/2?x")));
    let one = one.unwrap();
    assert_eq!((one.status(), one.version()), (StatusCode::OK, Version::HTTP_2));
    assert!(text(one).await.starts_with("POST /1 a.test 127.0.0.1:"));
    assert!(text(two.unwrap()).await.starts_with("POST /2?x a.test "));
}

#[tokio::test]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let request =
        |method: &str| Request::builder().method(method).uri("http://a.test/").body(Empty::<Bytes>::new()).unwrap();
    let asked = sender.send_request(request("GET")).await.unwrap();
    let length = text(asked).await.len();
    let response = sender.send_request(request("HEAD")).await.unwrap();
    // The target says HEAD instead of GET.
    assert_eq!(response.headers()["content-length"], (length + 1).to_string());
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn hosts_that_differ_are_refused_and_the_connection_lives() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let request = |host: &str| Request::get("http://a.test/").header("host", host).body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request("b.test")).await.unwrap().status(), 400);
    assert_eq!(server.handled(), 0);
    assert_eq!(sender.send_request(request("a.test")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_last_request_of_a_connection_is_announced() {
    let mut point = entry_point("web");
    point.transport.keep_alive_max_requests = 2;
    let server = Running::start(point);
    let (mut sender, connection) = connect(&server).await;
    let request = || Request::get("http://a.test/").body(Empty::<Bytes>::new()).unwrap();
    for _ in 0..2 {
        assert_eq!(sender.send_request(request()).await.unwrap().status(), 200);
    }
    tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap().unwrap().unwrap();
    assert!(sender.send_request(request()).await.is_err());
}

#[tokio::test]
async fn large_uploads_flow() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let body = Full::new(Bytes::from(vec![b'x'; 5 << 20]));
    let response = sender.send_request(Request::put("http://a.test/").body(body).unwrap()).await.unwrap();
    assert!(text(response).await.len() > 5 << 20);
}

#[tokio::test]
async fn idle_connections_are_let_go() {
    let mut point = entry_point("web");
    point.transport.idle_timeout = Duration::from_millis(50);
    let server = Running::start(point);
    let (mut sender, connection) = connect(&server).await;
    let request = Request::get("http://a.test/").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap().unwrap().unwrap();
}

fn with_fields(count: usize, name: impl Fn(usize) -> String) -> Request<Empty<Bytes>> {
    let mut request = Request::get("http://a.test/");
    for number in 0..count {
        request = request.header(name(number), "v");
    }
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn heads_with_too_many_fields_are_answered_and_the_connection_lives() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let distinct = |number: usize| format!("x-{number}");
    let same = |_: usize| "x".to_owned();
    let crumbs = |number: usize| if number > 90 { "cookie".to_owned() } else { format!("x-{number}") };
    for (request, status) in [
        (with_fields(100, distinct), 200),
        (with_fields(101, distinct), 431),
        (with_fields(400, same), 431),
        (with_fields(291, crumbs), 200),
        (with_fields(292, crumbs), 431),
        (with_fields(100, same), 200),
    ] {
        let fields = request.headers().len();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{fields} fields");
    }
    assert_eq!(server.handled(), 3);
}

/// One byte a field: the size that a head of a few kilobytes would decode to.
fn bomb(stream: u32, fields: usize) -> Vec<u8> {
    let mut block = b"\x82\x86\x84\x01\x06a.test\x40\x01a\x00".to_vec();
    block.resize(block.len() + fields, 0xbe);
    let pieces: Vec<_> = block.chunks(16_384).collect();
    let mut frames = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        frames.extend(&u32::try_from(piece.len()).unwrap().to_be_bytes()[1..]);
        let (kind, end) = (if number == 0 { 1 } else { 9 }, if number + 1 == pieces.len() { 4 } else { 0 });
        frames.extend([kind, end | u8::from(number == 0)]);
        frames.extend(stream.to_be_bytes());
        frames.extend(*piece);
    }
    frames
}

#[test]
fn a_head_that_is_nothing_but_fields_ends_its_connection() {
    use std::io::{Read as _, Write as _};
    let server = Running::start(entry_point("web"));
    for fields in [600, 30_000, 100_000] {
        let mut stream = server.connect();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        // The connection may end before all is sent.
        let _ = stream.write_all(&bomb(1, fields));
        let (mut response, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            response.extend_from_slice(&buffer[..count]);
        }
        let goes_away = response.windows(9).any(|head| head[..2] == [0, 0] && head[3..] == [7, 0, 0, 0, 0, 0]);
        assert!(goes_away, "{fields}: {response:?}");
    }
    assert_eq!(server.handled(), 0);
}

#[tokio::test]
async fn the_heads_of_one_connection_hold_only_so_much() {
    let server = Running::start(entry_point("web"));
    let (mut sender, _connection) = connect(&server).await;
    let large = |path: &str| {
        let mut request = Request::get(format!("http://a.test{path}"));
        for number in 0..9 {
            request = request.header(format!("x-{number}"), "v".repeat(100_000));
        }
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    let waiting: Vec<_> = (0..4).map(|_| tokio::spawn(sender.send_request(large("/wait")))).collect();
    server.teller.waiting.acquire_many(4).await.unwrap().forget();
    let refused = sender.send_request(large("/")).await.unwrap_err();
    let reason =
        std::error::Error::source(&refused).and_then(|e| e.downcast_ref::<h2::Error>()).and_then(h2::Error::reason);
    assert_eq!(reason, Some(h2::Reason::REFUSED_STREAM), "{refused:?}");
    let small = Request::get("http://a.test/").body(Empty::new()).unwrap();
    assert_eq!(sender.send_request(small).await.unwrap().status(), 200);
    server.teller.permits.add_permits(4);
    for response in waiting {
        assert_eq!(response.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(sender.send_request(large("/")).await.unwrap().status(), 200);
}

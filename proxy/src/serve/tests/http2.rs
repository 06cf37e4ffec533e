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
    let answer = sender.send_request(request("HEAD")).await.unwrap();
    // Other than GET it says HEAD.
    assert_eq!(answer.headers()["content-length"], (length + 1).to_string());
    assert_eq!(text(answer).await, "");
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

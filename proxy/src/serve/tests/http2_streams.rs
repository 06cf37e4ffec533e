//! The parts of HTTP/2 that hyper's client does not show: interim responses, and bodies piece by piece.

use crate::serve::test_kit::{Running, entry_point};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{Request, Response};
use std::future::poll_fn;
use std::time::Duration;
use tokio::net::TcpStream;

async fn connect(server: &Running) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

fn post(path: &str) -> http::request::Builder {
    Request::post(format!("http://a.test{path}"))
}

async fn next_interim(response: &mut ResponseFuture) -> Option<Response<()>> {
    poll_fn(|cx| response.poll_informational(cx)).await.map(Result::unwrap)
}

async fn whole(response: ResponseFuture) -> (u16, String) {
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend_from_slice(&data);
    }
    (head.status.as_u16(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn interim_responses_come_on_their_own_stream() {
    let server = Running::start(entry_point("web"));
    let mut sender = connect(&server).await;
    let (mut plain, _) = sender.send_request(post("/").body(()).unwrap(), true).unwrap();
    let (mut hinted, _) = sender.send_request(post("/hint").body(()).unwrap(), true).unwrap();
    let hint = next_interim(&mut hinted).await.unwrap();
    assert_eq!((hint.status().as_u16(), &hint.headers()["link"]), (103, &"</a.css>".parse().unwrap()));
    assert!(next_interim(&mut hinted).await.is_none() && next_interim(&mut plain).await.is_none());
    let head = hinted.await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(!head.headers().contains_key("link") && head.headers().contains_key("date"));
    assert!(whole(plain).await.1.starts_with("POST / "));
}

#[tokio::test]
async fn interim_responses_that_come_too_late_leave_room_for_others() {
    let server = Running::start(entry_point("web"));
    let mut sender = connect(&server).await;
    for _ in 0..2500 {
        let (mut late, _) = sender.send_request(post("/late").body(()).unwrap(), true).unwrap();
        assert!(next_interim(&mut late).await.is_none());
        assert_eq!(whole(late).await.1, "late");
    }
    let (mut hinted, _) = sender.send_request(post("/hint").body(()).unwrap(), true).unwrap();
    assert_eq!(next_interim(&mut hinted).await.unwrap().status(), 103);
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let server = Running::start(entry_point("web"));
    let mut sender = connect(&server).await;
    let request = post("/").header("expect", "100-continue").body(()).unwrap();
    let (mut response, mut body) = sender.send_request(request, false).unwrap();
    assert_eq!(next_interim(&mut response).await.unwrap().status(), 100);
    body.send_data("asked".into(), true).unwrap();
    assert!(whole(response).await.1.ends_with(" asked"));

    let request = post("/hint").header("expect", "100-continue").body(()).unwrap();
    let (mut response, mut body) = sender.send_request(request, false).unwrap();
    body.send_data("unasked".into(), true).unwrap();
    assert_eq!(next_interim(&mut response).await.unwrap().status(), 103);
    assert!(next_interim(&mut response).await.is_none(), "it has not waited");
    assert!(whole(response).await.1.ends_with(" unasked"));
}

async fn trickle(body: &mut SendStream<Bytes>, count: usize) {
    for _ in 0..count {
        body.send_data("x".into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_pause_within_a_body_ends_its_stream_alone() {
    let mut point = entry_point("web");
    point.transport.read_timeout = Duration::from_millis(600);
    let server = Running::start(point);
    let mut sender = connect(&server).await;
    let (waiting, _kept) = sender.send_request(post("/wait").body(()).unwrap(), false).unwrap();
    let (silent, mut silent_body) = sender.send_request(post("/silent").body(()).unwrap(), false).unwrap();
    silent_body.send_data("x".into(), false).unwrap();
    let (slow, mut slow_body) = sender.send_request(post("/slow").body(()).unwrap(), false).unwrap();
    trickle(&mut slow_body, 20).await;
    slow_body.send_data(Bytes::new(), true).unwrap();
    assert!(whole(slow).await.1.ends_with(&format!(" {}", "x".repeat(20))), "slow is not silent");
    assert!(whole(silent).await.1.ends_with("sent nothing of its body for 600ms"));
    let reset = poll_fn(|cx| silent_body.poll_reset(cx)).await.unwrap();
    assert_eq!(reset, Reason::NO_ERROR, "the rest of the body is not wanted");
    server.teller.permits.add_permits(1);
    let (status, text) = whole(waiting).await;
    assert!(status == 200 && text.ends_with("600ms"), "nobody had asked for it before: {text}");
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_is_given_up() {
    let server = Running::start(entry_point("web"));
    let mut sender = connect(&server).await;
    let (response, mut body) = sender.send_request(post("/wait").body(()).unwrap(), false).unwrap();
    server.teller.waiting.acquire().await.unwrap().forget();
    body.send_reset(Reason::CANCEL);
    assert!(response.await.is_err());
    while server.teller.gone.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_panic_stays_within_its_stream() {
    let server = Running::start(entry_point("web"));
    let mut sender = connect(&server).await;
    for (path, status) in [("/panic", 500), ("/", 200)] {
        let (response, _) = sender.send_request(post(path).body(()).unwrap(), true).unwrap();
        assert_eq!(whole(response).await.0, status);
    }
}

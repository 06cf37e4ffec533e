//! The framing of messages on a connection that carries many.

use super::*;
use flow_middleware::FailureKind;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Responds to everything with what it got: the head and, up to `end`, the body.
async fn mirror(end: &'static str) -> Backend {
    Backend::run(move |mut peer, _| async move {
        while let Some(mut text) = peer.head().await {
            if !end.is_empty() {
                text.push_str(&peer.until(end).await.unwrap());
            }
            peer.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_empty_body_is_announced_where_servers_look_for_one() {
    let backend = mirror("").await;
    let fixture = Fixture::new(&[&backend.url]);
    for (method, expected) in [("POST", true), ("PUT", true), ("PATCH", true), ("GET", false), ("DELETE", false)] {
        let request = Request::builder().method(method).uri("/").body(Body::Empty).unwrap();
        let (_, seen) = fixture.text(request).await;
        assert_eq!(seen.contains("Content-Length: 0\r\n"), expected, "{seen}");
    }
}

#[tokio::test]
async fn a_get_may_have_a_body_and_is_not_given_one() {
    let backend = mirror("").await;
    let fixture = Fixture::new(&[&backend.url]);
    let request = |body| Request::builder().uri("/").body(body).unwrap();
    let (feed, nothing) = fed();
    let (seen, ()) = tokio::join!(fixture.text(request(nothing)), async { drop(feed) });
    assert!(!seen.1.contains("Transfer-Encoding"), "{}", seen.1);

    let backend = mirror("0\r\n\r\n").await;
    let fixture = Fixture::new(&[&backend.url]);
    let (feed, something) = fed();
    feed.send(data("query")).unwrap();
    drop(feed);
    let (_, seen) = fixture.text(request(something)).await;
    assert!(
        seen.contains("Transfer-Encoding: chunked\r\n\r\n") || seen.contains("Transfer-Encoding: chunked\r\n"),
        "{seen}"
    );
    assert!(seen.ends_with("\r\n\r\n5\r\nquery\r\n0\r\n\r\n"), "{seen}");
}

#[tokio::test]
async fn what_nobody_asked_for_is_nobodys_answer() {
    let backend = Backend::run(|mut peer, number| async move {
        while peer.head().await.is_some() {
            peer.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nn{number}")).await;
            if number == 0 {
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong").await;
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    assert_eq!(fixture.text(get("/")).await.1, "n0");
    // Surplus bytes arrive through the reactor, which has run once another socket was served.
    TcpStream::connect(backend.url.strip_prefix("http://").unwrap()).await.unwrap();
    tokio::task::yield_now().await;
    let (_, text) = fixture.text(get("/")).await;
    assert!(text.starts_with('n') && text != "n0", "{text}");
}

#[tokio::test]
async fn both_lengths_are_one_too_many() {
    let backend = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            peer.write("5\r\nhello\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    for _ in 0..2 {
        let (response, _) = fixture.send(get("/")).await.unwrap();
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(whole(response).await, "hello");
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_the_clients_fault() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.closed().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let frames = futures_util::stream::iter([Ok(data("some")), Err(BodyError::from("gone"))]);
    let error = fixture.send(post("/", Body::boxed(StreamBody::new(frames)))).await.unwrap_err();
    assert_eq!((error.kind(), error.body_error().unwrap().to_string()), (FailureKind::ClientGone, "gone".to_owned()));

    let (feed, body) = fed();
    feed.send(data("some")).unwrap();
    drop(feed);
    let mut short = post("/", body);
    short.headers_mut().insert("content-length", "9".parse().unwrap());
    assert_eq!(fixture.send(short).await.unwrap_err().kind(), FailureKind::ClientGone);
}

#[tokio::test]
async fn an_answer_comes_through_though_the_body_is_refused() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        // Closed with bytes unread, the connection is reset once the response has gone out.
        peer.write("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig").await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (feed, body) = fed();
    let (sent, ()) = tokio::join!(fixture.send(post("/", body)), async {
        feed.send(data("start")).unwrap();
    });
    let (response, _) = sent.unwrap();
    assert_eq!(response.status(), 413);
    drop(response);
    feed.closed().await;
}

#[tokio::test]
async fn a_reason_for_each_broken_answer() {
    for (raw, kind) in [
        ("", FailureKind::Unreachable),
        ("HTTP/1.1 200 OK\r\nContent-", FailureKind::Unreachable),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", FailureKind::Unreachable),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", FailureKind::Internal),
    ] {
        let backend = Backend::run(move |mut peer, number| async move {
            if number == 0 {
                peer.head().await;
                peer.write(OK).await;
            }
            peer.head().await;
            peer.write(raw).await;
        })
        .await;
        let fixture = Fixture::new(&[&backend.url]);
        fixture.text(get("/")).await;
        assert_eq!(fixture.send(get("/")).await.unwrap_err().kind(), kind, "{raw:?}");
        let tried = if raw.is_empty() { 2 } else { 1 };
        assert_eq!(backend.connections(), tried, "only where nothing came is it sent again: {raw:?}");
    }
}

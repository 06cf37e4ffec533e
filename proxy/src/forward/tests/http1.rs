use super::*;
use http::HeaderMap;
use tokio::sync::oneshot;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn connections_are_reused() {
    let backend = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write(OK).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    for _ in 0..5 {
        assert_eq!(fixture.text(get("/")).await, (200, "ok".to_owned()));
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_connection_in_use_is_not_shared() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").await;
        peer.closed().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (first, _) = fixture.send(get("/")).await.unwrap();
    let (second, _) = fixture.send(get("/")).await.unwrap();
    assert_eq!(backend.connections(), 2);
    drop((first, second));
}

#[tokio::test]
async fn the_request_is_written_as_it_came() {
    let (seen, head) = oneshot::channel();
    let seen = parking_lot::Mutex::new(Some(seen));
    let backend = Backend::run(move |mut peer, _| {
        let seen = seen.lock().take().unwrap();
        async move {
            let _ = seen.send(peer.head().await.unwrap());
            peer.write(OK).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut request = get("/a%2Fb/%20?x=1&y=%20;");
    request.headers_mut().insert("x-multi", "a".parse().unwrap());
    request.headers_mut().append("x-multi", "b".parse().unwrap());
    request.headers_mut().insert("x-empty", "".parse().unwrap());
    *request.version_mut() = http::Version::HTTP_10;
    let (_, record) = fixture.send(request).await.unwrap();
    let head = head.await.unwrap();
    let mut lines = head.trim_end().split("\r\n");
    assert_eq!(lines.next(), Some("GET /a%2Fb/%20?x=1&y=%20; HTTP/1.1"));
    let mut lines: Vec<_> = lines.map(str::trim_end).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["Host: app.test", "X-Empty:", "X-Forwarded-For: 192.0.2.7", "X-Multi: a", "X-Multi: b"]);
    assert_eq!(record.endpoint.unwrap().url(), backend.url);
    assert_eq!((record.attempts, record.status.unwrap().as_u16(), record.responded.is_some()), (1, 200, true));
    assert_eq!(&*record.service.unwrap(), "app@file");
}

#[tokio::test]
async fn a_request_without_a_host_gets_the_servers() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        let host = head.lines().find(|line| line.starts_with("Host:")).unwrap_or("none").to_owned();
        peer.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{host}", host.len())).await;
    })
    .await;
    let mut request = get("/");
    request.headers_mut().clear();
    let text = Fixture::new(&[&backend.url]).text(request).await.1;
    assert_eq!(text, format!("Host: {}", backend.url.trim_start_matches("http://")));
}

#[tokio::test]
async fn the_servers_own_host_and_path() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        let host = head.lines().find(|line| line.starts_with("Host:")).unwrap().to_owned();
        let body = format!("{} {host}", head.lines().next().unwrap());
        peer.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    let url = format!("{}/base/", backend.url);
    let fixture = Fixture::with(std::slice::from_ref(&url), &ServersTransport::default(), |balancer| {
        balancer.pass_host_header = false;
        balancer.servers[0].preserve_path = true;
    });
    let host = backend.url.strip_prefix("http://").unwrap();
    assert_eq!(fixture.text(get("/p?q=1")).await.1, format!("GET /base/p?q=1 HTTP/1.1 Host: {host}"));
    let fixture = Fixture::new(&[url]);
    assert_eq!(fixture.text(get("/p?q=1")).await.1, "GET /p?q=1 HTTP/1.1 Host: app.test");
}

#[tokio::test]
async fn connection_close_is_obeyed() {
    let backend = Backend::run(|mut peer, number| async move {
        peer.head().await;
        let body = format!("n{number}");
        peer.write(&format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{body}")).await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    assert_eq!(fixture.text(get("/")).await.1, "n0");
    let (response, record) = fixture.send(post("/", "x")).await.unwrap();
    assert!(!response.headers().contains_key("connection"));
    assert_eq!((whole(response).await.as_str(), record.attempts), ("n1", 1));
}

#[tokio::test]
async fn answers_without_a_body() {
    let backend = Backend::run(|mut peer, _| async move {
        while let Some(head) = peer.head().await {
            let status = head.split_ascii_whitespace().nth(1).unwrap().trim_start_matches('/').to_owned();
            peer.write(&format!("HTTP/1.1 {status} X\r\nContent-Length: 7\r\n\r\n")).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let mut head = get("/200");
    *head.method_mut() = http::Method::HEAD;
    let (response, _) = fixture.send(head).await.unwrap();
    assert_eq!(response.headers()["content-length"], "7");
    assert_eq!(whole(response).await, "");
    assert_eq!(fixture.text(get("/304")).await, (304, String::new()));
    assert_eq!(backend.connections(), 1, "all on one connection");
}

#[tokio::test]
async fn bytes_stream_both_ways() {
    let backend = Backend::run(|mut peer, _| async move {
        let head = peer.head().await.unwrap();
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while let Some(chunk) = peer.until("\r\n").await {
            let text = peer.until("\r\n").await.unwrap();
            peer.write(&format!("{chunk}{text}")).await;
            if chunk == "0\r\n" {
                break;
            }
        }
        peer.closed().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (feed, body) = fed();
    let (response, _) = fixture.send(post("/", body)).await.unwrap();
    let mut body = response.into_body();
    for text in ["one", "two"] {
        feed.send(data(text)).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), text);
    }
    drop(feed);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn trailers_of_the_answer_only() {
    let backend = Backend::run(|mut peer, _| async move {
        for _ in 0..2 {
            let head = peer.head().await.unwrap();
            assert!(!head.to_ascii_lowercase().contains("trailer"), "{head}");
            assert_eq!(peer.until("0\r\n\r\n").await.unwrap(), "3\r\nabc\r\n0\r\n\r\n");
            peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n").await;
            peer.write("2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n").await;
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    for _ in 0..2 {
        let (feed, body) = fed();
        feed.send(data("abc")).unwrap();
        feed.send(Frame::trailers(HeaderMap::from_iter([("x-in".parse().unwrap(), "1".parse().unwrap())]))).unwrap();
        drop(feed);
        let mut request = post("/", body);
        request.headers_mut().insert("trailer", "X-In".parse().unwrap());
        let (response, _) = fixture.send(request).await.unwrap();
        assert_eq!(response.headers()["trailer"], "X-Sum");
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ok");
        assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap()["x-sum"], "7");
    }
    assert_eq!(backend.connections(), 1, "a body with trailers gives its connection back");
}

#[tokio::test]
async fn a_body_cut_short_is_an_error() {
    for raw in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let backend = Backend::run(move |mut peer, _| async move {
            peer.head().await;
            peer.write(&format!("HTTP/1.1 200 OK\r\n{raw}")).await;
        })
        .await;
        let fixture = Fixture::new(&[&backend.url]);
        let (response, _) = fixture.send(get("/")).await.unwrap();
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
        assert!(body.frame().await.unwrap().is_err(), "{raw:?}");
    }
}

#[tokio::test]
async fn a_body_until_the_close_ends_cleanly() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (response, _) = fixture.send(get("/")).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_11);
    assert_eq!(whole(response).await, "all of it");
}

#[tokio::test]
async fn an_answer_before_the_requests_end() {
    let (closed, gone) = oneshot::channel();
    let closed = parking_lot::Mutex::new(Some(closed));
    let backend = Backend::run(move |mut peer, _| {
        let closed = closed.lock().take();
        async move {
            peer.head().await;
            peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
            peer.closed().await;
            let _ = closed.unwrap().send(());
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let (feed, body) = fed();
    feed.send(data("start")).unwrap();
    assert_eq!(fixture.text(post("/", body)).await, (413, "big".to_owned()));
    gone.await.unwrap();
    feed.closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_connection() {
    for raw in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"] {
        let (began, begun) = oneshot::channel();
        let (closed, gone) = oneshot::channel();
        let script = parking_lot::Mutex::new(Some((began, closed)));
        let backend = Backend::run(move |mut peer, _| {
            let (began, closed) = script.lock().take().unwrap();
            async move {
                peer.head().await;
                peer.write(raw).await;
                let _ = began.send(());
                peer.closed().await;
                let _ = closed.send(());
            }
        })
        .await;
        let fixture = Fixture::new(&[&backend.url]);
        if raw.is_empty() {
            tokio::select! {
                _ = fixture.send(get("/")) => unreachable!("there is no answer"),
                _ = begun => {}
            }
        } else {
            let (response, _) = fixture.send(get("/")).await.unwrap();
            drop(response);
        }
        gone.await.unwrap();
    }
}

#[tokio::test]
async fn a_malformed_answer_is_an_internal_error() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
        peer.write("SMTP ready\r\n\r\n").await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let error = fixture.send(get("/")).await.unwrap_err();
    assert_eq!(error.kind(), flow_middleware::FailureKind::Internal);
}

//! Requests that are sent again, and those that must not be.

use super::*;
use flow_middleware::FailureKind;
use flow_model::config::{Cookie, Sticky, Strategy};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Responds to one request, reads another on the same connection and closes; later connections respond to everything.
async fn forgetful() -> (Backend, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let backend = Backend::run(move |mut peer, number| {
        let count = Arc::clone(&count);
        async move {
            while peer.head().await.is_some() {
                let before = count.fetch_add(1, Ordering::SeqCst);
                if number == 0 && before == 1 {
                    return;
                }
                peer.write(OK).await;
            }
        }
    })
    .await;
    (backend, requests)
}

#[tokio::test]
async fn a_get_on_a_dying_connection_is_sent_again() {
    let (backend, requests) = forgetful().await;
    let fixture = Fixture::new(&[&backend.url]);
    fixture.text(get("/")).await;
    let (response, record) = fixture.send(get("/again?x=1")).await.unwrap();
    assert_eq!((response.status().as_u16(), record.attempts), (200, 2));
    assert_eq!((requests.load(Ordering::SeqCst), backend.connections()), (3, 2));
}

#[tokio::test]
async fn what_may_not_repeat_is_not_sent_again() {
    let delete = |_| {
        let mut request = get("/");
        *request.method_mut() = http::Method::DELETE;
        request
    };
    let with_body = |_| {
        let mut request = post("/", "x");
        *request.method_mut() = http::Method::GET;
        request
    };
    let makes: [&dyn Fn(()) -> Request<Body>; 3] = [&|()| post("/", "x"), &delete, &with_body];
    for make in makes {
        let (backend, requests) = forgetful().await;
        let fixture = Fixture::new(&[&backend.url]);
        fixture.text(get("/")).await;
        let error = fixture.send(make(())).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (FailureKind::Unreachable, false));
        assert_eq!((requests.load(Ordering::SeqCst), backend.connections()), (2, 1));
    }
}

#[tokio::test]
async fn an_idempotency_key_lets_a_post_repeat() {
    let (backend, _) = forgetful().await;
    let fixture = Fixture::new(&[&backend.url]);
    fixture.text(get("/")).await;
    let mut request = post("/", Body::Empty);
    request.headers_mut().insert("idempotency-key", "7".parse().unwrap());
    assert_eq!(fixture.text(request).await.0, 200);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_used() {
    let (close, closing) = tokio::sync::watch::channel(false);
    let gone = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&gone);
    let backend = Backend::run(move |mut peer, number| {
        let (mut closing, told) = (closing.clone(), Arc::clone(&told));
        async move {
            loop {
                tokio::select! {
                    head = peer.head() => match head {
                        Some(_) => {
                            let body = peer.until("x").await.unwrap();
                            assert_eq!(body, "x");
                            peer.write(OK).await;
                        }
                        None => return,
                    },
                    _ = closing.changed(), if number == 0 => {
                        drop(peer);
                        told.notify_one();
                        return;
                    }
                }
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    let request = || {
        let mut request = post("/", "x");
        request.headers_mut().insert("content-length", "1".parse().unwrap());
        request
    };
    fixture.text(request()).await;
    close.send(true).unwrap();
    gone.notified().await;
    // The close arrives through the reactor, which has run once another socket was served.
    TcpStream::connect(backend.url.strip_prefix("http://").unwrap()).await.unwrap();
    tokio::task::yield_now().await;
    let (response, record) = fixture.send(request()).await.unwrap();
    assert_eq!((response.status().as_u16(), record.attempts), (200, 1), "a POST, which may not repeat, gets through");
}

#[tokio::test]
async fn a_new_connection_that_closes_is_the_backends_answer() {
    let backend = Backend::run(|mut peer, _| async move {
        peer.head().await;
    })
    .await;
    let fixture = Fixture::new(&[&backend.url]);
    assert_eq!(fixture.send(get("/")).await.unwrap_err().kind(), FailureKind::Unreachable);
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_passed_over() {
    let backend = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            assert_eq!(peer.until("body").await.unwrap(), "body");
            peer.write(OK).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[nobody().await, backend.url.clone(), nobody().await]);
    let mut tried = Vec::new();
    for _ in 0..6 {
        let mut request = post("/", "body");
        request.headers_mut().insert("content-length", "4".parse().unwrap());
        let (response, record) = fixture.send(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(record.endpoint.unwrap().url(), backend.url);
        tried.push(record.attempts);
    }
    assert!(tried.iter().any(|attempts| *attempts > 1), "{tried:?}");
    assert!(tried.contains(&1), "{tried:?}");
}

#[tokio::test]
async fn where_nobody_is_there_the_request_fails() {
    let urls: Vec<_> = futures_util::future::join_all((0..6).map(|_| nobody())).await;
    for count in [1, 2, 6] {
        let fixture = Fixture::new(&urls[..count]);
        let mut record = UpstreamRecord::default();
        let error = forward(&fixture.service, exchange(get("/")), &mut record).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (FailureKind::Unreachable, true));
        assert_eq!(record.attempts as usize, count.min(4), "each once, and no more than three others");
    }
    let fixture = Fixture::new(&[""; 0]);
    assert_eq!(fixture.send(get("/")).await.unwrap_err().kind(), FailureKind::NoServer);
}

#[tokio::test]
async fn a_later_try_goes_to_a_server_that_has_not_failed() {
    let dying = || {
        Backend::run(|mut peer, _| async move {
            peer.head().await;
        })
    };
    let (one, other) = (dying().await, dying().await);
    let good = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write(OK).await;
        }
    })
    .await;
    let urls = [one.url.clone(), good.url.clone(), other.url.clone()];
    let p2c = Fixture::with(&urls, &ServersTransport::default(), |balancer| balancer.strategy = Strategy::P2c);
    for fixture in [Fixture::new(&urls), sticky(&urls), p2c] {
        for _ in 0..6 {
            let mut record = UpstreamRecord::default();
            let mut request = get("/");
            request.headers_mut().insert("cookie", format!("s={}", one.url).parse().unwrap());
            let (head, _) = request.into_parts();
            let mut tried = Vec::new();
            let response = loop {
                let request = Request::from_parts(head.clone(), Body::Empty);
                let sent = forward(&fixture.service, exchange(request), &mut record).await;
                tried.push(record.endpoint.as_ref().unwrap().url().to_owned());
                match sent {
                    Ok(response) => break response,
                    Err(_) => assert!(tried.len() < 3, "{tried:?}"),
                }
            };
            assert_eq!(response.status(), 200);
            tried.sort();
            tried.dedup();
            assert_eq!(tried.len(), record.attempts as usize, "none twice: {tried:?}");
        }
    }
    // Where there is no other it is tried again.
    let fixture = Fixture::new(std::slice::from_ref(&one.url));
    let mut record = UpstreamRecord::default();
    for attempts in 1..3 {
        assert!(forward(&fixture.service, exchange(get("/")), &mut record).await.is_err());
        assert_eq!(record.attempts, attempts);
    }
}

/// A service with the sticky cookie `s`.
fn sticky(urls: &[String]) -> Fixture {
    Fixture::with(urls, &ServersTransport::default(), |balancer| {
        let cookie = Cookie { name: "s".to_owned(), ..Cookie::default() };
        balancer.sticky = Some(Box::new(Sticky { cookie: Some(cookie) }));
    })
}

#[tokio::test]
async fn a_services_cookie_comes_before_the_backends() {
    let backend = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write("HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n").await;
        }
    })
    .await;
    let (response, _) = sticky(std::slice::from_ref(&backend.url)).send(get("/")).await.unwrap();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("s="), "{cookies:?}");
    assert_eq!(cookies[1..], ["a=1", "b=2"]);
}

#[tokio::test]
async fn a_sticky_client_moves_on_when_its_server_is_gone() {
    let backend = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write(OK).await;
        }
    })
    .await;
    let fixture = sticky(&[nobody().await, backend.url.clone()]);
    let gone = fixture.service.endpoints()[0].url().to_owned();
    let mut request = get("/");
    request.headers_mut().insert("cookie", format!("s={gone}").parse().unwrap());
    let (response, _) = fixture.send(request).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut request = get("/");
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (response, record) = fixture.send(request).await.unwrap();
    assert!(!response.headers().contains_key("set-cookie"));
    assert_eq!((record.attempts, record.endpoint.unwrap().url()), (1, &*backend.url));
}

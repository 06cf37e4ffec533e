use super::*;
use http_body_util::Full;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::pin::pin;
use tokio::sync::{Barrier, Notify};

/// An HTTP/2 backend: `/trailers` responds like gRPC, `/together` waits for another request, `/last` is the last of
/// its connection, everything else returns what it saw.
async fn backend(streams: u32) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let together = Arc::new(Barrier::new(2));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let together = Arc::clone(&together);
            let handler =
                service_fn(move |request: Request<hyper::body::Incoming>| respond(request, Arc::clone(&together)));
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder.max_concurrent_streams(streams);
            let leaving = Arc::new(Notify::new());
            let left = Arc::clone(&leaving);
            let handler = service_fn(move |request: Request<hyper::body::Incoming>| {
                if request.uri().path() == "/last" {
                    left.notify_one();
                }
                handler.call(request)
            });
            tokio::spawn(async move {
                let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), handler));
                tokio::select! {
                    _ = &mut connection => return,
                    () = leaving.notified() => connection.as_mut().graceful_shutdown(),
                }
                // Its outcome does not matter.
                let _ = connection.await;
            });
        }
    });
    (url, connections)
}

async fn respond(
    request: Request<hyper::body::Incoming>,
    together: Arc<Barrier>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (head, mut body) = request.into_parts();
    Ok(match head.uri.path() {
        "/echo" => Response::new(Body::from(body)),
        "/fields" => {
            let count = head.uri.query().unwrap().parse().unwrap();
            let mut response = Response::new(Body::Empty);
            (0..count).for_each(|_| {
                response.headers_mut().append("x", http::HeaderValue::from_static(""));
            });
            response
        }
        "/together" => {
            together.wait().await;
            Response::new(Body::Empty)
        }
        "/trailers" => {
            assert_eq!(head.headers["te"], "trailers");
            let (feed, echo) = fed();
            while let Some(frame) = body.frame().await {
                let frame = frame.unwrap();
                assert!(frame.is_data(), "trailers of a request are not forwarded");
                feed.send(frame).unwrap();
            }
            let status = http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
            feed.send(Frame::trailers(status)).unwrap();
            Response::new(echo)
        }
        _ => {
            let seen = format!("{} {} host={:?}", head.method, head.uri, head.headers.get("host"));
            Response::new(Body::boxed(Full::new(Bytes::from(seen))))
        }
    })
}

#[tokio::test]
async fn requests_share_a_connection() {
    let (url, connections) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    assert_eq!(fixture.text(get("/a?b=1")).await.1, "GET http://app.test/a?b=1 host=None");
    let (a, b) = tokio::join!(fixture.text(get("/together")), fixture.text(get("/together")));
    assert_eq!((a.0, b.0), (200, 200));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_at_once_open_one_connection() {
    let (url, connections) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    let all = futures_util::future::join_all((0..20).map(|_| fixture.text(get("/")))).await;
    assert!(all.iter().all(|(status, _)| *status == 200));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn more_streams_than_allowed_open_another_connection() {
    let (url, connections) = backend(1).await;
    let fixture = Fixture::new(&[url]);
    assert_eq!(fixture.text(get("/")).await.0, 200);
    let (a, b) = tokio::join!(fixture.text(get("/together")), fixture.text(get("/together")));
    assert_eq!((a.0, b.0), (200, 200));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_backend_that_says_goodbye_loses_no_request() {
    let (url, connections) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    for _ in 0..20 {
        assert_eq!(fixture.text(get("/last")).await.0, 200);
        let both = tokio::join!(fixture.text(get("/")), fixture.text(post("/", "body")));
        assert_eq!((both.0.0, both.1.0), (200, 200));
    }
    assert!(connections.load(Ordering::SeqCst) > 5, "a connection that ends makes room for another");
}

#[tokio::test]
async fn grpc_streams_with_trailers() {
    let (url, _) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    let (feed, body) = fed();
    let mut request = post("/trailers", body);
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    feed.send(data("message")).unwrap();
    feed.send(Frame::trailers(http::HeaderMap::from_iter([("x".parse().unwrap(), "1".parse().unwrap())]))).unwrap();
    drop(feed);
    let (response, _) = fixture.send(request).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "message");
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_body_that_expects_to_be_asked_for_is_sent() {
    let (url, _) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    let mut request = post("/echo", "body");
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    assert_eq!(fixture.text(request).await, (200, "body".to_owned()));
}

#[tokio::test]
async fn both_directions_stream() {
    let (url, _) = backend(100).await;
    let fixture = Fixture::new(&[url]);
    let (feed, body) = fed();
    let (response, _) = fixture.send(post("/echo", body)).await.unwrap();
    let mut body = response.into_body();
    for text in ["one", "two"] {
        feed.send(data(text)).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), text);
    }
    drop(feed);
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn answers_with_more_fields_than_anybody_wants() {
    let (url, _) = backend(100).await;
    let fixture = Fixture::new(&[&url]);
    let (few, _) = fixture.send(get("/fields?4000")).await.unwrap();
    assert_eq!(few.headers().get_all("x").iter().count(), 4000);
    for count in ["5000", "20000", "100000"] {
        let error = fixture.send(get(&format!("/fields?{count}"))).await.unwrap_err();
        assert_eq!(error.kind(), flow_middleware::FailureKind::Internal, "{count}: {error:?}");
    }
}

//! Bodies of many sizes, many at once, over connections that are used again and again.

use super::*;
use flow_middleware::FailureKind;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// Responds with what it got: `/echo` as it comes, everything else once it has all of it.
async fn echo() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let handler = service_fn(|request: Request<hyper::body::Incoming>| async {
                let (head, body) = request.into_parts();
                if head.uri.path() == "/echo" {
                    return Ok::<_, hyper::Error>(Response::new(Body::from(body)));
                }
                Ok(Response::new(Body::boxed(Full::new(body.collect().await?.to_bytes()))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), handler));
        }
    });
    (url, connections)
}

/// `size` random bytes, in chunks, with or without a length known in advance.
fn body(random: &mut fastrand::Rng, size: usize) -> (Bytes, Body) {
    let bytes: Bytes = (0..size).map(|_| random.u8(..)).collect();
    if random.bool() {
        return (bytes.clone(), Body::from(bytes));
    }
    let mut rest = bytes.clone();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let piece = rest.split_to(random.usize(1..=rest.len()));
        frames.push(Ok::<_, BodyError>(Frame::data(piece)));
    }
    (bytes, Body::boxed(StreamBody::new(futures_util::stream::iter(frames))))
}

async fn pass(path: &'static str) {
    let (url, connections) = echo().await;
    let fixture = Arc::new(Fixture::new(&[url]));
    let clients = (0..8).map(|seed| {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            for turn in 0..40 {
                let size = if turn % 10 == 9 { random.usize(..400_000) } else { random.usize(..5_000) };
                let (sent, body) = body(&mut random, size);
                let (response, _) = fixture.send(post(path, body)).await.unwrap();
                let got = response.into_body().collect().await.unwrap().to_bytes();
                assert!(got == sent, "{} bytes came back of {}", got.len(), sent.len());
            }
        })
    });
    for client in futures_util::future::join_all(clients).await {
        client.unwrap();
    }
    assert!(connections.load(Ordering::SeqCst) < 100, "of 320 requests most use a connection again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_after_the_request() {
    pass("/whole").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_while_the_request_goes_on() {
    pass("/echo").await;
}

/// The outcome of a request with these raw bytes: `400`, `499` or `200`, then the connection's end.
async fn written(service: Arc<Service>, request: &[u8], gone: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let handler = service_fn(move |request: Request<hyper::body::Incoming>| {
            let (service, tell) = (Arc::clone(&service), tell.clone());
            async move {
                let mut record = UpstreamRecord::default();
                let forwarded = forward(&service, exchange(request.map(Body::from)), &mut record).await;
                let status = match forwarded.map_err(|error| error.kind()) {
                    Ok(_) => 200,
                    Err(FailureKind::Malformed) => 400,
                    Err(FailureKind::ClientGone) => 499,
                    Err(other) => panic!("{other:?}"),
                };
                tell.send(status.to_string()).unwrap();
                Ok::<_, std::convert::Infallible>(Response::builder().status(status).body(Body::Empty).unwrap())
            }
        });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), handler).await;
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request).await.unwrap();
    if gone {
        client.shutdown().await.unwrap();
    }
    let status = told.recv().await.unwrap();
    server.await.unwrap();
    let mut response = String::new();
    let _ = client.read_to_string(&mut response).await;
    assert!(gone || response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    assert!(told.recv().await.is_none(), "what follows is no request");
    status
}

#[tokio::test]
async fn a_chunk_that_is_broken_is_the_clients_mistake() {
    let (url, _) = echo().await;
    let fixture = Fixture::new(&[url]);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = format!("1;{}\r\nx\r\n", "e".repeat(20_000));
    let trailers = "X: y\r\n".repeat(200);
    for broken in [
        "X\r\n\r\n",
        "\r\nhello\r\n",
        "-5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "5 5\r\nhello\r\n",
        "5\nhello\r\n",
        "5\rhello\r\n",
        "5;a\nhello\r\n",
        "fffffffffffffffff\r\nhello\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\rz\r\n\r\n",
        &extension,
        &format!("5\r\nhello\r\n0\r\n{trailers}\r\n"),
    ] {
        let request = format!("{head}{broken}GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        let status = written(Arc::clone(&fixture.service), request.as_bytes(), false).await;
        assert_eq!(status, "400", "{broken:?}");
    }
    for (cut_short, status) in [("5\r\nhel", "499"), ("5", "499"), ("5\r\nhello\r\n0\r\nX: y", "499")] {
        let request = format!("{head}{cut_short}");
        assert_eq!(written(Arc::clone(&fixture.service), request.as_bytes(), true).await, status, "{cut_short:?}");
    }
    let short = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello";
    assert_eq!(written(Arc::clone(&fixture.service), short, true).await, "499");
}

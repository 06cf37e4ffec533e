//! Bodies of many sizes, many at once, over connections that are used again and again.

use super::*;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// Answers with what it got: `/echo` as it comes, everything else once it has all of it.
async fn echo() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = service_fn(|request: Request<hyper::body::Incoming>| async {
                let (head, body) = request.into_parts();
                if head.uri.path() == "/echo" {
                    return Ok::<_, hyper::Error>(Response::new(Body::from(body)));
                }
                Ok(Response::new(Body::boxed(Full::new(body.collect().await?.to_bytes()))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (url, connections)
}

/// `size` bytes that are nowhere alike, in pieces, with or without a length known beforehand.
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

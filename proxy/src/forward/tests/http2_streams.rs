//! HTTP/2 backends that do what hyper's server does not.

use super::*;
use flow_middleware::{FailureKind, Interim};
use flow_model::duration::GoDuration;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use std::io;
use std::time::Duration;

type Incoming = (Request<RecvStream>, SendResponse<Bytes>);

/// A backend that runs `script` for each connection, given its number from zero.
async fn backend<F, S>(script: F) -> String
where
    F: Fn(Connection<TcpStream, Bytes>, usize) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = h2::server::handshake(stream).await.unwrap();
            tokio::spawn(script(connection, number));
        }
    });
    url
}

/// The next request. The connection goes on in a task of its own.
async fn only_request(mut connection: Connection<TcpStream, Bytes>) -> Incoming {
    let request = connection.accept().await.unwrap().unwrap();
    tokio::spawn(async move { while connection.accept().await.is_some() {} });
    request
}

fn status(code: u16) -> Response<()> {
    Response::builder().status(code).body(()).unwrap()
}

#[tokio::test]
async fn interim_responses_are_passed_on() {
    let url = backend(|connection, _| async {
        let (_, mut reply) = only_request(connection).await;
        let hint = Response::builder().status(103).header("link", "</a.css>").header("content-length", "3");
        for response in [status(100), hint.body(()).unwrap(), status(101), status(102), status(204)] {
            match response.status().as_u16() {
                204 => drop(reply.send_response(response, true).unwrap()),
                _ => reply.send_informational(response).unwrap(),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[url]);
    let queue = Arc::default();
    let request = Exchange { interim: Some(Interim::new(&queue, 7)), ..exchange(get("/")) };
    let response = forward(&fixture.service, request, &mut UpstreamRecord::default()).await.unwrap();
    assert_eq!(response.status(), 204);
    let hints = queue.take();
    assert_eq!(hints.iter().map(|hint| hint.status().as_u16()).collect::<Vec<_>>(), [103, 102]);
    assert_eq!(hints[0].headers().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["link"]);
}

#[tokio::test]
async fn more_interim_responses_than_anybody_can_want() {
    let url = backend(|connection, _| async {
        let (_, mut reply) = only_request(connection).await;
        while reply.send_informational(status(103)).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = Fixture::new(&[url]).send(get("/")).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Internal, "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let url = backend(|connection, _| async {
        let (request, reply) = only_request(connection).await;
        let mut body = request.into_body();
        while let Some(Ok(data)) = body.data().await {
            let _ = body.flow_control().release_capacity(data.len());
        }
        drop(reply);
    })
    .await;
    let fixture = Fixture::new(&[url]);
    for (kind, expected) in [
        (io::ErrorKind::InvalidData, FailureKind::Malformed),
        (io::ErrorKind::ConnectionReset, FailureKind::ClientGone),
    ] {
        let frames = [Ok(data("begun")), Err(BodyError::from(io::Error::from(kind)))];
        let body = Body::boxed(StreamBody::new(futures_util::stream::iter(frames)));
        let error = fixture.send(post("/", body)).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error:?}");
        assert!(error.body_error().is_some());
    }
}

#[tokio::test]
async fn what_a_backend_has_refused_is_sent_again() {
    let url = backend(|mut connection, number| async move {
        let mut seen = 0;
        while let Some(Ok((_, mut reply))) = connection.accept().await {
            seen += 1;
            if number == 0 && seen == 2 {
                reply.send_reset(Reason::REFUSED_STREAM);
            } else {
                reply.send_response(status(204), true).unwrap();
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[url]);
    for _ in 0..3 {
        let (response, _) = fixture.send(get("/")).await.unwrap();
        assert_eq!(response.status(), 204);
    }
}

#[tokio::test]
async fn a_body_that_is_not_wanted_is_not_sent() {
    let url = backend(|connection, _| async {
        let (request, mut reply) = only_request(connection).await;
        let mut answer = reply.send_response(status(417), false).unwrap();
        let mut body = request.into_body();
        let nothing = tokio::time::timeout(Duration::from_millis(50), body.data()).await;
        answer.send_data(if nothing.is_err() { "not sent".into() } else { "sent".into() }, true).unwrap();
    })
    .await;
    let mut request = post("/", "body");
    request.headers_mut().insert("expect", "100-continue".parse().unwrap());
    assert_eq!(Fixture::new(&[url]).text(request).await, (417, "not sent".to_owned()));
}

#[tokio::test]
async fn a_backend_that_shows_no_sign_of_life_is_given_up() {
    let url = backend(|mut connection, number| async move {
        let (_, mut reply) = connection.accept().await.unwrap().unwrap();
        if number == 0 {
            // It reads and writes nothing any more.
            return std::future::pending().await;
        }
        tokio::spawn(async move { while connection.accept().await.is_some() {} });
        tokio::time::sleep(Duration::from_millis(600)).await;
        reply.send_response(status(204), true).unwrap();
    })
    .await;
    let mut transport = ServersTransport::default();
    transport.timeouts.read_idle = GoDuration(Duration::from_millis(100));
    transport.timeouts.ping = GoDuration(Duration::from_millis(200));
    let fixture = Fixture::with(&[url], &transport, |_| ());
    let error = fixture.send(get("/")).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable, "{error:?}");
    let (response, _) = fixture.send(get("/")).await.unwrap();
    assert_eq!(response.status(), 204, "slow, but it answers pings");
}

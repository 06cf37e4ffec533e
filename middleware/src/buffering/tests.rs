#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::ForwardedFor;
use crate::body::BodyError;
use crate::testing::{NoFetch, ROUTER, exchange, text};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use std::path::Path;

/// Answers one request after the other by a script, and keeps the bodies that it got.
struct Script {
    answers: Vec<Result<Response<Body>, FailureKind>>,
    bodies: Vec<Result<Bytes, ()>>,
    lengths: Vec<Option<u64>>,
}

#[async_trait]
impl Next for Script {
    async fn serve(
        &mut self,
        exchange: &mut Exchange,
        _: &mut RequestContext<'_>,
    ) -> Result<Response<Body>, ServeError> {
        let taken = exchange.take();
        self.lengths.push(taken.body.size_hint().exact());
        let body = taken.body.collect().await.map(|body| body.to_bytes());
        let is_broken = body.is_err();
        self.bodies.push(body.map_err(drop));
        if is_broken {
            let failure = ServeFailure { kind: FailureKind::ClientGone, sent: true };
            return Err(ServeError::new(failure, "the body broke off"));
        }
        let answer =
            if self.answers.len() > 1 { self.answers.remove(0) } else { self.answers.pop().unwrap_or(Ok(ok())) };
        answer.map_err(|kind| ServeError::new(ServeFailure { kind, sent: true }, "it failed"))
    }
}

fn ok() -> Response<Body> {
    Response::new(Body::from("ok"))
}

fn status(code: u16) -> Result<Response<Body>, FailureKind> {
    Ok(response::empty(StatusCode::from_u16(code).unwrap()))
}

/// A body of unknown length.
fn streamed(pieces: &[Bytes]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, BodyError>(Frame::data(piece.clone()))).collect();
    Body::boxed(StreamBody::new(stream::iter(pieces)))
}

fn abc() -> Body {
    streamed(&[Bytes::from("a"), Bytes::from("bc")])
}

fn buffering(spec: &str) -> Buffering {
    Buffering::new(&serde_json::from_str(spec).unwrap(), std::env::temp_dir()).unwrap()
}

async fn send(
    buffering: &Buffering,
    body: Body,
    answers: Vec<Result<Response<Body>, FailureKind>>,
) -> (Result<Response<Body>, FailureKind>, Script) {
    let mut script = Script { answers, bodies: Vec::new(), lengths: Vec::new() };
    let mut request = exchange("POST", "/");
    request.body = body;
    let mut user = None;
    let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
    let served = buffering.serve(&mut request, &mut context, &mut script).await;
    (served.map_err(|error| error.failure.kind), script)
}

#[tokio::test]
async fn bodies_are_sent_with_their_length() {
    let (served, script) = send(&buffering("{}"), abc(), vec![Ok(Response::new(abc()))]).await;
    assert_eq!((script.lengths, script.bodies), (vec![Some(3)], vec![Ok(Bytes::from("abc"))]));
    let response = served.unwrap();
    assert_eq!(response.headers()[CONTENT_LENGTH], "3");
    assert_eq!(text(response).await, "abc");
}

#[tokio::test]
async fn what_is_too_much_for_the_memory_goes_to_a_file() {
    let pieces: Vec<_> = (0..300_u16).map(|index| Bytes::from(index.to_be_bytes().repeat(500))).collect();
    let whole = pieces.concat();
    let small =
        buffering(r#"{"memRequestBodyBytes": 2500, "memResponseBodyBytes": 1, "retryExpression": "Attempts() < 3"}"#);
    let answers = vec![status(200), status(200), Ok(Response::new(streamed(&pieces)))];
    let (served, script) = send(&small, streamed(&pieces), answers).await;
    assert_eq!(script.bodies, vec![Ok(Bytes::from(whole.clone())); 3]);
    assert_eq!(text(served.unwrap()).await, whole);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_told() {
    let spec = serde_json::from_str(r#"{"memRequestBodyBytes": 2, "memResponseBodyBytes": 2}"#).unwrap();
    let nowhere = Buffering::new(&spec, Path::new("/nonexistent/folder").to_owned()).unwrap();
    let (served, script) = send(&nowhere, abc(), vec![]).await;
    assert_eq!((served.unwrap().status().as_u16(), script.bodies.len()), (500, 0));
    let (served, _) = send(&nowhere, Body::from("a"), vec![Ok(Response::new(abc()))]).await;
    assert_eq!(served.unwrap().status(), 500);
    let (served, _) = send(&nowhere, Body::from("a"), vec![Ok(ok())]).await;
    assert_eq!(served.unwrap().status(), 200, "it fits in memory");
}

#[tokio::test]
async fn limits_hold_for_bodies_of_any_form() {
    for spec in [r#"{"maxRequestBodyBytes": 2}"#, r#"{"maxRequestBodyBytes": 2, "memRequestBodyBytes": 1}"#] {
        for body in [abc(), Body::from("abc")] {
            let (served, script) = send(&buffering(spec), body, vec![]).await;
            let response = served.unwrap();
            assert_eq!(response.status(), 413);
            assert_eq!(text(response).await, "Request Entity Too Large");
            assert!(script.bodies.iter().all(Result::is_err), "no server got a whole body");
        }
        let (served, script) = send(&buffering(spec), Body::from("ab"), vec![]).await;
        assert_eq!((served.unwrap().status().as_u16(), script.bodies), (200, vec![Ok(Bytes::from("ab"))]));
    }
    for spec in [r#"{"maxResponseBodyBytes": 2}"#, r#"{"maxResponseBodyBytes": 2, "memResponseBodyBytes": 1}"#] {
        for body in [abc(), Body::from("abc")] {
            let (served, _) = send(&buffering(spec), Body::Empty, vec![Ok(Response::new(body))]).await;
            assert_eq!(served.unwrap().status(), 500);
        }
        let (served, _) = send(&buffering(spec), Body::Empty, vec![Ok(ok())]).await;
        assert_eq!(text(served.unwrap()).await, "ok");
    }
}

#[tokio::test]
async fn a_limit_alone_holds_nothing_back() {
    let limits = buffering(r#"{"maxRequestBodyBytes": 3, "maxResponseBodyBytes": 3}"#);
    let endless = || {
        let first = stream::iter([Ok::<_, BodyError>(Frame::data(Bytes::from("data: 1\n\n")))]);
        Body::boxed(StreamBody::new(futures_util::StreamExt::chain(first, stream::pending())))
    };
    let (served, script) = send(&limits, abc(), vec![]).await;
    assert_eq!((served.unwrap().status().as_u16(), script.lengths), (200, vec![None]), "counted in passing");
    let mut events = Response::new(endless());
    events.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    let wide = buffering(r#"{"maxResponseBodyBytes": 10}"#);
    let (served, _) = send(&wide, Body::Empty, vec![Ok(events)]).await;
    let first = served.unwrap().into_body().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n", "a stream of events is not waited for");
}

#[tokio::test]
async fn a_request_is_tried_as_the_condition_says() {
    let three = buffering(r#"{"retryExpression": "IsNetworkError() && Attempts() < 3"}"#);
    let (served, script) = send(&three, abc(), vec![Err(FailureKind::Unreachable), Ok(ok())]).await;
    assert_eq!((served.unwrap().status().as_u16(), script.bodies), (200, vec![Ok(Bytes::from("abc")); 2]));
    let (served, script) = send(&three, abc(), vec![status(502), status(504), status(502), Ok(ok())]).await;
    assert_eq!((served.unwrap().status().as_u16(), script.bodies.len()), (502, 3));
    let always = buffering(r#"{"retryExpression": "ResponseCode() == 500"}"#);
    let (served, script) = send(&always, abc(), (0..20).map(|_| status(500)).collect()).await;
    assert_eq!((served.unwrap().status().as_u16(), script.bodies.len()), (500, 11));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_its_sender_s_failure() {
    let broken = || {
        let pieces = [Ok(Frame::data(Bytes::from("a"))), Err::<_, BodyError>("cut short".into())];
        Body::boxed(StreamBody::new(stream::iter(pieces)))
    };
    let (served, script) = send(&buffering("{}"), broken(), vec![]).await;
    assert_eq!((served.unwrap_err(), script.bodies.len()), (FailureKind::ClientGone, 0));
    let (served, _) = send(&buffering("{}"), Body::Empty, vec![Ok(Response::new(broken()))]).await;
    assert_eq!(served.unwrap_err(), FailureKind::Unreachable);
}

#[test]
fn what_is_wrong_is_refused() {
    for wrong in [
        r#"{"maxRequestBodyBytes": -1}"#,
        r#"{"memResponseBodyBytes": -1}"#,
        r#"{"retryExpression": "Attempts()"}"#,
        r#"{"retryExpression": "NetworkErrorRatio() > 0.5"}"#,
    ] {
        let spec = serde_json::from_str(wrong).unwrap();
        assert!(Buffering::new(&spec, std::env::temp_dir()).is_err(), "{wrong}");
    }
}

#![allow(clippy::unwrap_used, reason = "tests")]
use crate::body::{BodyError, is_malformed};
use crate::testing::{chain, exchange, header, run, text, with};
use crate::{Body, Exchange};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use proptest::prelude::*;

const SPEC: &str = r#"{"grpcWeb": {"allowOrigins": ["https://app.test"]}}"#;

fn streamed(frames: Vec<Result<Frame<Bytes>, BodyError>>) -> Body {
    Body::boxed(StreamBody::new(stream::iter(frames)))
}

fn data(bytes: &'static [u8]) -> Result<Frame<Bytes>, BodyError> {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

fn trailers(lines: &[(&'static str, &str)]) -> Result<Frame<Bytes>, BodyError> {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, value.parse().unwrap());
    }
    Ok(Frame::trailers(map))
}

fn call(media_type: &str, headers: &[(&'static str, &str)]) -> Exchange {
    with(with(exchange("POST", "/flow.Echo/Say"), &[("content-type", media_type)]), headers)
}

fn grpc(frames: Vec<Result<Frame<Bytes>, BodyError>>) -> Response<Body> {
    Response::builder()
        .header("content-type", "application/grpc+proto")
        .header("trailer", "Grpc-Status")
        .header("x-id", "1")
        .body(streamed(frames))
        .unwrap()
}

#[tokio::test]
async fn trailers_become_the_last_message() {
    let mut request = call("application/grpc-web+proto", &[]);
    let response = run(&chain(&[SPEC]), &mut request, |_| {
        grpc(vec![
            data(b"\0\0\0\0\x02hi"),
            trailers(&[("grpc-status", "0"), ("grpc-message", "ok"), ("x-two", "b"), ("x-two", "a")]),
        ])
    })
    .await;
    assert_eq!(header(&request.head.headers, "content-type"), "application/grpc+proto");
    assert_eq!(header(&request.head.headers, "te"), "trailers");
    let headers = response.headers();
    assert_eq!(header(headers, "content-type"), "application/grpc-web+proto");
    assert_eq!(header(headers, "vary"), "Origin");
    assert_eq!(header(headers, "trailer"), "");
    let exposed = header(headers, "access-control-expose-headers");
    assert_eq!(exposed, "Content-Type, X-Id, Vary, grpc-status, grpc-message");
    let lines = "grpc-message: ok\r\ngrpc-status: 0\r\nx-two: b\r\nx-two: a\r\n";
    let mut wanted = b"\0\0\0\0\x02hi\x80\0\0\0".to_vec();
    wanted.push(u8::try_from(lines.len()).unwrap());
    wanted.extend_from_slice(lines.as_bytes());
    let collected = response.into_body().collect().await.unwrap();
    assert!(collected.trailers().is_none());
    assert_eq!(collected.to_bytes(), wanted);
}

#[tokio::test]
async fn a_response_without_trailers_ends_with_an_empty_message() {
    for frames in [vec![], vec![data(b"")]] {
        let response = run(&chain(&[SPEC]), &mut call("application/grpc-web", &[]), |_| grpc(frames)).await;
        assert_eq!(text(response).await, &b"\x80\0\0\0\0"[..]);
    }
    let broken = vec![data(b"a"), Err("cut short".into())];
    let response = run(&chain(&[SPEC]), &mut call("application/grpc-web", &[]), |_| grpc(broken)).await;
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn text_is_decoded_and_encoded() {
    for pieces in
        [vec![data(b"AAAAAAJoaQ=="), data(b"aGk=")], vec![data(b"AAAAA"), data(b"AJoa\r\nQ="), data(b"=aGk=")]]
    {
        let mut request = call("application/grpc-web-text", &[("content-length", "16")]);
        request.body = streamed(pieces);
        let response = run(&chain(&[SPEC]), &mut request, |_| grpc(vec![data(b"a"), trailers(&[("a", "b")])])).await;
        assert_eq!(header(response.headers(), "content-type"), "application/grpc-web-text+proto");
        assert_eq!(text(response).await, "YQ==gAAAAAZhOiBiDQo=");
        assert_eq!(header(&request.head.headers, "content-type"), "application/grpc");
        assert_eq!(header(&request.head.headers, "content-length"), "");
        assert_eq!(request.body.collect().await.unwrap().to_bytes(), &b"\0\0\0\0\x02hihi"[..]);
    }
}

#[tokio::test]
async fn what_is_no_base64_is_the_client_s_mistake() {
    for body in [&b"A==="[..], b"ab$d", b"abcde"] {
        let mut request = call("application/grpc-web-text", &[]);
        request.body = streamed(vec![data(b"aGk="), Ok(Frame::data(Bytes::copy_from_slice(body)))]);
        run(&chain(&[SPEC]), &mut request, |_| grpc(vec![])).await;
        let error = request.body.collect().await.unwrap_err();
        assert!(is_malformed(&*error), "{body:?}");
    }
}

#[tokio::test]
async fn other_requests_stay_as_they_are() {
    for (method, media_type) in
        [("POST", "application/grpc"), ("GET", "application/grpc-web"), ("POST", "text/plain"), ("OPTIONS", "")]
    {
        let mut request = with(exchange(method, "/"), &[("content-type", media_type), ("origin", "https://app.test")]);
        let response = run(&chain(&[SPEC]), &mut request, |_| grpc(vec![data(b"a")])).await;
        assert_eq!(header(&request.head.headers, "content-type"), media_type);
        assert_eq!(header(response.headers(), "access-control-allow-origin"), "");
        assert_eq!(text(response).await, "a");
    }
}

#[tokio::test]
async fn scripts_of_allowed_origins_may_call_and_read() {
    for (spec, origin, is_allowed) in [
        (SPEC, "https://app.test", true),
        (SPEC, "https://evil.test", false),
        (r#"{"grpcWeb": {"allowOrigins": ["*"]}}"#, "https://evil.test", true),
        (r#"{"grpcWeb": {}}"#, "https://app.test", false),
    ] {
        let wanted = if is_allowed { origin } else { "" };
        let mut request = call("application/grpc-web", &[("origin", origin)]);
        let response = run(&chain(&[spec]), &mut request, |_| grpc(vec![])).await;
        assert_eq!(header(response.headers(), "access-control-allow-origin"), wanted);
        let credentials = if is_allowed { "true" } else { "" };
        assert_eq!(header(response.headers(), "access-control-allow-credentials"), credentials);

        let asks = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-grpc-web, x-User-agent"),
        ];
        let mut question = with(exchange("OPTIONS", "/flow.Echo/Say"), &asks);
        let response = run(&chain(&[spec]), &mut question, |_| unreachable!("answered")).await;
        let headers = response.headers();
        assert_eq!(response.status(), 200);
        assert_eq!(header(headers, "access-control-allow-origin"), wanted);
        let (methods, names, age) =
            if is_allowed { ("POST", "Content-Type, X-Grpc-Web, X-User-Agent", "600") } else { ("", "", "") };
        assert_eq!(header(headers, "access-control-allow-methods"), methods);
        assert_eq!(header(headers, "access-control-allow-headers"), names);
        assert_eq!(header(headers, "access-control-max-age"), age);
        assert_eq!(headers.get_all("vary").iter().count(), 3);
    }
}

#[tokio::test]
async fn methods_that_no_call_has_are_not_allowed() {
    let asks = [
        ("origin", "https://app.test"),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "x-grpc-web"),
    ];
    let response = run(&chain(&[SPEC]), &mut with(exchange("OPTIONS", "/"), &asks), |_| unreachable!("answered")).await;
    assert_eq!(header(response.headers(), "access-control-allow-origin"), "");
}

proptest! {
    /// The pieces in which a body comes make no difference, and any bytes are decoded or refused.
    #[test]
    fn text_is_decoded_however_it_is_cut(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4),
        noise in "[ -~]{0,3}",
        size in 1_usize..9,
    ) {
        use base64::Engine as _;
        let encode = |part: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(part);
        let encoded: String = parts.iter().map(encode).collect::<String>() + &noise;
        let pieces = encoded.as_bytes().chunks(size).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))));
        let mut request = call("application/grpc-web-text", &[]);
        request.body = streamed(pieces.collect());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decoded = runtime.block_on(async {
            let response = run(&chain(&[SPEC]), &mut request, |_| grpc(vec![])).await;
            drop(response);
            request.body.collect().await.map(|body| body.to_bytes())
        });
        if noise.trim().is_empty() {
            prop_assert_eq!(decoded.unwrap(), parts.concat());
        }
    }
}

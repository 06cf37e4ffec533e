#![allow(clippy::unwrap_used, reason = "tests")]
use super::body::CompressedBody;
use super::encoder::Encoder;
use crate::Body;
use crate::body::BodyError;
use crate::testing::{chain, compile, exchange, header, run, text, with};
use bytes::Bytes;
use flow_model::middleware::Encoding;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use proptest::prelude::*;
use std::io::Read as _;
use std::time::Duration;
use tokio::sync::mpsc;

const ALL: [Encoding; 3] = [Encoding::Br, Encoding::Gzip, Encoding::Zstd];

fn decompress(encoding: Encoding, data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        Encoding::Br => drop(brotli::Decompressor::new(data, 4096).read_to_end(&mut plain).unwrap()),
        Encoding::Gzip => drop(flate2::read::MultiGzDecoder::new(data).read_to_end(&mut plain).unwrap()),
        Encoding::Zstd => plain = zstd::decode_all(data).unwrap(),
    }
    plain
}

/// The part of an unfinished stream that a client can decode.
fn readable(encoding: Encoding, data: &[u8]) -> Vec<u8> {
    let mut plain = vec![0; 1 << 16];
    let mut len = 0;
    let mut reader: Box<dyn std::io::Read + '_> = match encoding {
        Encoding::Br => Box::new(brotli::Decompressor::new(data, 4096)),
        Encoding::Gzip => Box::new(flate2::read::GzDecoder::new(data)),
        Encoding::Zstd => Box::new(zstd::Decoder::new(data).unwrap()),
    };
    while let Ok(read @ 1..) = reader.read(&mut plain[len..]) {
        len += read;
    }
    plain.truncate(len);
    plain
}

/// A body of these chunks, with a pause for each `None`.
fn body(pieces: Vec<Option<Vec<u8>>>) -> Body {
    let pieces = stream::iter(pieces);
    let frames = futures_util::StreamExt::then(pieces, |piece| async move {
        if piece.is_none() {
            tokio::task::yield_now().await;
        }
        Ok::<_, BodyError>(Frame::data(Bytes::from(piece.unwrap_or_default())))
    });
    Body::boxed(StreamBody::new(Box::pin(frames)))
}

fn channel() -> (mpsc::UnboundedSender<Frame<Bytes>>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let frames = stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|frame| frame.map(Ok::<_, BodyError>)));
    (sender, Body::boxed(StreamBody::new(frames)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_compressed_is_what_was_there(
        pieces in proptest::collection::vec(
            proptest::option::weighted(0.8, prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..5000),
                (any::<u8>(), 0..200_000usize).prop_map(|(byte, len)| vec![byte; len]),
            ]), 0..12),
        prompt: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let plain: Vec<u8> = pieces.iter().flatten().flatten().copied().collect();
        for encoding in ALL {
            for len in [None, Some(plain.len() as u64)] {
                let encoder = Encoder::new(encoding, len).unwrap();
                let compressed = CompressedBody::new(body(pieces.clone()), None, encoder, prompt);
                let data = runtime.block_on(compressed.collect()).unwrap().to_bytes();
                prop_assert_eq!(decompress(encoding, &data) == plain, true, "{:?}", encoding);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_not_held_back() {
    for encoding in ALL {
        let (sender, events) = channel();
        let mut compressed = CompressedBody::new(events, None, Encoder::new(encoding, None).unwrap(), true);
        let mut received = Vec::new();
        for event in ["data: one\n\n", "data: two\n\n"] {
            sender.send(Frame::data(Bytes::from(event))).unwrap();
            received.extend_from_slice(&compressed.frame().await.unwrap().unwrap().into_data().unwrap());
            assert!(readable(encoding, &received).ends_with(event.as_bytes()), "{encoding:?}");
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        sender.send(Frame::trailers(trailers)).unwrap();
        drop(sender);
        let rest = compressed.collect().await.unwrap();
        assert_eq!(header(rest.trailers().unwrap(), "x-sum"), "1");
        received.extend_from_slice(&rest.to_bytes());
        assert_eq!(decompress(encoding, &received), b"data: one\n\ndata: two\n\n", "{encoding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_length_waits_for_more_but_not_for_long() {
    let (sender, slow) = channel();
    let mut compressed = CompressedBody::new(slow, None, Encoder::new(Encoding::Gzip, Some(20)).unwrap(), false);
    sender.send(Frame::data(Bytes::from_static(b"0123456789"))).unwrap();
    let before = tokio::time::Instant::now();
    let piece = compressed.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(before.elapsed().as_millis() / 10, 10);
    assert_eq!(readable(Encoding::Gzip, &piece), b"0123456789");
}

#[tokio::test]
async fn an_error_of_the_backend_is_not_an_end() {
    let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"half"))), Err(BodyError::from("gone"))]);
    let compressed = CompressedBody::new(
        Body::boxed(StreamBody::new(frames)),
        None,
        Encoder::new(Encoding::Gzip, None).unwrap(),
        true,
    );
    assert_eq!(compressed.collect().await.unwrap_err().to_string(), "gone");

    let frames = stream::iter([Err::<Frame<Bytes>, _>(BodyError::from("gone at once"))]);
    let response = answered(r#"{"compress": {}}"#, "gzip", Response::new(Body::boxed(StreamBody::new(frames)))).await;
    assert_eq!(response.into_body().collect().await.unwrap_err().to_string(), "gone at once");
}

/// The response to a request with these headers if the backend responds like this.
async fn answered(spec: &str, accept: &str, backend: Response<Body>) -> Response<Body> {
    let mut exchange = with(exchange("GET", "/"), &[("accept-encoding", accept)]);
    run(&chain(&[spec]), &mut exchange, |_| backend).await
}

fn backend(len: usize, headers: &[(&'static str, &str)]) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from("x".repeat(len))));
    response.headers_mut().insert("content-length", len.into());
    for (name, value) in headers {
        response.headers_mut().append(*name, value.parse().unwrap());
    }
    response
}

#[tokio::test]
async fn the_head_tells_of_the_encoding() {
    for (accept, name, encoding) in
        [("gzip", "gzip", Encoding::Gzip), ("br", "br", Encoding::Br), ("zstd", "zstd", Encoding::Zstd)]
    {
        let extra = [("etag", "\"1\""), ("accept-ranges", "bytes"), ("vary", "Cookie")];
        let response = answered(r#"{"compress": {}}"#, accept, backend(3000, &extra)).await;
        let headers = response.headers();
        assert_eq!(header(headers, "content-encoding"), name);
        assert!(!headers.contains_key("content-length"));
        assert!(!headers.contains_key("accept-ranges"));
        assert_eq!(header(headers, "etag"), "W/\"1\"");
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), ["Accept-Encoding", "Cookie"]);
        assert_eq!(decompress(encoding, &text(response).await), "x".repeat(3000).as_bytes());
    }
}

#[tokio::test]
async fn a_malformed_type_is_on_no_list_of_gzips() {
    for (spec, accept, wanted) in [
        (r#"{"excludedContentTypes": ["image/png"]}"#, "gzip", "gzip"),
        (r#"{"excludedContentTypes": ["image/png"]}"#, "br", ""),
        (r#"{"includedContentTypes": ["image/png"]}"#, "gzip", ""),
    ] {
        let malformed = backend(3000, &[("content-type", "text/html; x")]);
        let response = answered(&format!(r#"{{"compress": {spec}}}"#), accept, malformed).await;
        assert_eq!(header(response.headers(), "content-encoding"), wanted, "{spec} {accept}");
    }
}

#[tokio::test]
async fn some_answers_stay_as_they_are() {
    for (spec, accept, response) in [
        ("{}", "gzip", backend(1023, &[])),
        ("{}", "br", backend(1023, &[])),
        ("{}", "*", backend(3000, &[])),
        ("{}", "br", backend(3000, &[("content-encoding", "deflate")])),
        ("{}", "br", backend(3000, &[("content-range", "bytes 0-2999/9000")])),
        ("{}", "gzip", backend(3000, &[("no-gzip-compression", "1")])),
        ("{}", "gzip", backend(3000, &[("cache-control", "no-transform")])),
        ("{}", "br", backend(3000, &[("cache-control", "private"), ("cache-control", "max-age=1 , No-Transform")])),
        ("{}", "gzip", backend(3000, &[("content-type", "application/grpc")])),
        ("{}", "br", backend(3000, &[("content-type", "text/html; x")])),
        (r#"{"excludedContentTypes": ["image/png"]}"#, "br", backend(3000, &[("content-type", "Image/PNG; a=b")])),
        (r#"{"includedContentTypes": ["text/css"]}"#, "gzip", backend(3000, &[("content-type", "text/html")])),
        (r#"{"includedContentTypes": ["text/html"]}"#, "gzip", backend(3000, &[])),
        (r#"{"minResponseBodyBytes": 5000}"#, "zstd", backend(3000, &[])),
    ] {
        let response = answered(&format!(r#"{{"compress": {spec}}}"#), accept, response).await;
        let before = response.headers().contains_key("content-range");
        assert!(!matches!(header(response.headers(), "content-encoding"), "gzip" | "br" | "zstd"), "{spec} {accept}");
        assert_eq!(header(response.headers(), "vary"), "Accept-Encoding", "{before}");
        assert!(!response.headers().contains_key("no-gzip-compression"));
        assert!(response.headers().contains_key("content-length"));
        assert!(text(response).await.starts_with(b"xxxx"));
    }
}

#[tokio::test]
async fn validators_hold_for_what_the_client_has() {
    let spec = r#"{"compress": {}}"#;
    let small = answered(spec, "gzip", backend(10, &[("etag", "\"1\""), ("accept-ranges", "bytes")])).await;
    assert_eq!(header(small.headers(), "etag"), "\"1\"", "not compressed");
    assert_eq!(header(small.headers(), "accept-ranges"), "bytes");
    let unchanged = Response::builder().status(304).header("etag", "\"1\"").body(Body::Empty).unwrap();
    assert_eq!(header(answered(spec, "gzip", unchanged).await.headers(), "etag"), "W/\"1\"");
    let mut change = with(exchange("PUT", "/"), &[("if-match", "W/\"1\""), ("if-none-match", "W/\"1\"")]);
    run(&chain(&[spec]), &mut change, |_| backend(0, &[])).await;
    assert_eq!(header(&change.head.headers, "if-match"), "\"1\"");
    assert_eq!(header(&change.head.headers, "if-none-match"), "W/\"1\"");
}

#[tokio::test]
async fn nobody_asked_nobody_is_told() {
    for request in [
        exchange("GET", "/"),
        with(exchange("HEAD", "/"), &[("accept-encoding", "gzip")]),
        with(exchange("GET", "/"), &[("accept-encoding", "identity")]),
        with(exchange("GET", "/"), &[("accept-encoding", "gzip"), ("cache-control", "no-transform")]),
        with(exchange("POST", "/"), &[("accept-encoding", "gzip"), ("content-type", "application/grpc")]),
    ] {
        let mut request = request;
        let response = run(&chain(&[r#"{"compress": {}}"#]), &mut request, |_| backend(3000, &[])).await;
        assert_eq!(response.headers().len(), 1);
    }
}

#[tokio::test]
async fn types_and_thresholds_let_others_through() {
    for (spec, accept, response) in [
        ("{}", "gzip", backend(1024, &[])),
        (r#"{"minResponseBodyBytes": 10}"#, "gzip", backend(10, &[])),
        (r#"{"includedContentTypes": ["text/css"]}"#, "gzip", backend(3000, &[("content-type", "text/css;a=b")])),
        (r#"{"includedContentTypes": ["text/plain"]}"#, "gzip", backend(3000, &[])),
        (r#"{"includedContentTypes": ["text/css"]}"#, "br", backend(3000, &[])),
        (r#"{"excludedContentTypes": ["image/png"]}"#, "gzip", backend(3000, &[("content-type", "image/jpeg")])),
        (r#"{"encodings": ["br"], "defaultEncoding": "br"}"#, "*", backend(3000, &[])),
    ] {
        let response = answered(&format!(r#"{{"compress": {spec}}}"#), accept, response).await;
        assert!(response.headers().contains_key("content-encoding"), "{spec} {accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_length_the_first_bytes_decide() {
    let spec = r#"{"compress": {}}"#;
    let (sender, body) = channel();
    sender.send(Frame::data(Bytes::from_static(b"small"))).unwrap();
    drop(sender);
    let response = answered(spec, "gzip", Response::new(body)).await;
    assert_eq!(header(response.headers(), "content-encoding"), "gzip");
    assert_eq!(decompress(Encoding::Gzip, &text(response).await), b"small");

    let (sender, body) = channel();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    sender.send(Frame::trailers(trailers)).unwrap();
    drop(sender);
    let response = answered(spec, "gzip", Response::new(body)).await;
    assert!(!response.headers().contains_key("content-encoding"));
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(header(collected.trailers().unwrap(), "grpc-status"), "0");
}

#[tokio::test(start_paused = true)]
async fn the_head_does_not_wait_for_a_silent_backend() {
    let (sender, body) = channel();
    let before = tokio::time::Instant::now();
    let response = answered(r#"{"compress": {}}"#, "br", Response::new(body)).await;
    assert_eq!(before.elapsed(), Duration::from_millis(100));
    assert_eq!(header(response.headers(), "content-encoding"), "br");
    sender.send(Frame::data(Bytes::from_static(b"late"))).unwrap();
    drop(sender);
    assert_eq!(decompress(Encoding::Br, &text(response).await), b"late");
}

#[tokio::test]
async fn answers_without_a_body_are_left_alone() {
    for status in [204, 304, 200] {
        let response = Response::builder().status(status).body(Body::Empty).unwrap();
        let response = answered(r#"{"compress": {}}"#, "gzip", response).await;
        assert!(!response.headers().contains_key("content-encoding"));
        assert!(response.body().is_end_stream());
    }
}

#[test]
fn settings_that_exclude_each_other_are_refused() {
    for spec in [
        r#"{"compress": {"excludedContentTypes": ["a/b"], "includedContentTypes": ["a/c"]}}"#,
        r#"{"compress": {"excludedContentTypes": ["a/b/c"]}}"#,
        r#"{"compress": {"encodings": []}}"#,
        r#"{"compress": {"encodings": ["br"], "defaultEncoding": "gzip"}}"#,
    ] {
        assert!(compile(spec).is_err(), "{spec}");
    }
}

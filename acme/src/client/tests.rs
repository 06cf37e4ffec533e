#![allow(clippy::unwrap_used, reason = "tests")]

//! A server that does what Pebble never does: overload, plain errors, cut responses. (Pebble itself:
//! `tests/pebble.rs`.)

use super::*;
use crate::account::generate;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

type Answer = fn(&str) -> Option<Response<Full<Bytes>>>;

struct Server {
    base: String,
    requests: Arc<AtomicUsize>,
}

fn with(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Option<Response<Full<Bytes>>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Some(response.body(Full::new(body.into())).unwrap())
}

/// Serves a directory, nonces, and `answer` for other paths; if that returns `None`, the connection breaks.
async fn server(answer: Answer) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let (count, place) = (Arc::clone(&requests), base.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (count, place) = (Arc::clone(&count), place.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                count.fetch_add(1, Ordering::SeqCst);
                let response = respond(&place, &request, answer);
                async move { response.ok_or("broken") }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Server { base, requests }
}

fn respond(base: &str, request: &Request<Incoming>, answer: Answer) -> Option<Response<Full<Bytes>>> {
    let agent = request.headers().get("user-agent").unwrap().to_str().unwrap();
    assert_eq!(agent, "flow-proxy/test (hyper)");
    match (request.method(), request.uri().path()) {
        (&Method::HEAD, "/nonce") => with(200, &[("replay-nonce", "bm9uY2U")], ""),
        (&Method::GET, "/dir") => {
            let urls = serde_json::json!({
                "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/order"), "renewalInfo": format!("{base}/renewal/"),
            });
            with(200, &[], urls.to_string())
        }
        (_, path) => answer(path),
    }
}

impl Server {
    fn directory(&self) -> Directory {
        Directory { url: format!("{}/dir", self.base), ..Directory::default() }
    }

    fn account(&self) -> Account {
        let key = Arc::new(generate().unwrap());
        Account { directory: Arc::new(self.directory()), url: format!("{}/acct/1", self.base), key }
    }
}

async fn refused(answer: Answer) -> CaError {
    let server = server(answer).await;
    Client::new("test").order(&server.account(), &format!("{}/order/1", server.base)).await.unwrap_err()
}

#[tokio::test]
async fn limits_come_with_their_time() {
    let error = refused(|_| {
        let body = r#"{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many", "status": 429}"#;
        with(429, &[("content-type", "application/problem+json"), ("retry-after", "120")], body)
    })
    .await;
    assert_eq!(error.to_string(), "429 urn:ietf:params:acme:error:rateLimited: too many");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert!(!error.is_final() && !error.concerns_server());
}

#[tokio::test]
async fn errors_that_are_no_json_are_told_too() {
    let error = refused(|_| with(503, &[("retry-after", "7")], "<html>\n <h1>Service busy</h1>\n</html>")).await;
    assert_eq!(error.to_string(), "503: <html> <h1>Service busy</h1> </html>");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(!error.is_final() && error.concerns_server());
    // Also if the library itself would read the body as a problem.
    let error = refused(|_| with(400, &[], "")).await;
    assert_eq!(error.to_string(), "400: no body");
}

#[tokio::test]
async fn subproblems_name_their_names() {
    let error = refused(|_| {
        let body = r#"{"type": "urn:ietf:params:acme:error:compound", "detail": "two", "subproblems": [
            {"identifier": {"type": "dns", "value": "a.example"}, "detail": "no"}, {"detail": "never"}]}"#;
        with(403, &[], body)
    })
    .await;
    assert_eq!(error.to_string(), "403 urn:ietf:params:acme:error:compound: two; a.example: no; : never");
    assert!(error.is_final());
}

#[tokio::test]
async fn broken_connections_and_nonsense_are_no_crash() {
    let error = refused(|_| None).await;
    assert!(matches!(error, CaError::Unreachable(_)), "{error:?}");
    assert!(!error.is_final());
    for body in ["", "[]", "{\"status\": 3}", "half an ans"] {
        let answer: Answer = match body {
            "" => |_| with(200, &[], ""),
            "[]" => |_| with(200, &[], "[]"),
            "half an ans" => |_| with(200, &[], "half an ans"),
            _ => |_| with(200, &[], "{\"status\": 3}"),
        };
        assert!(matches!(refused(answer).await, CaError::Response(_)), "{body}");
    }
    let error = refused(|_| with(200, &[], vec![b' '; 2 << 20])).await;
    assert!(matches!(error, CaError::Unreachable(_)), "an answer without end: {error:?}");
    let nobody = Directory { url: "http://127.0.0.1:1/dir".to_owned(), ..Directory::default() };
    let error = Client::new("test").renewal_info(&nobody, "x", Timestamp::now()).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_server_that_takes_no_nonce_is_given_up() {
    let server = server(|_| {
        let body = r#"{"type": "urn:ietf:params:acme:error:badNonce", "detail": "no"}"#;
        with(400, &[("replay-nonce", "b3RoZXI")], body)
    })
    .await;
    let error = Client::new("test").order(&server.account(), &format!("{}/order/1", server.base)).await.unwrap_err();
    assert!(error.is("badNonce") && !error.is_final(), "{error:?}");
    let count = server.requests.load(Ordering::SeqCst);
    assert!((MAX_ATTEMPTS..MAX_ATTEMPTS * 4 + 4).contains(&count), "{count} requests");
}

#[tokio::test]
async fn a_challenge_is_accepted_by_its_url_or_refused_with_the_reason() {
    let server = server(|path| match path {
        "/challenge/good" => with(200, &[], r#"{"type": "http-01", "url": "/challenge/good", "status": "processing"}"#),
        _ => {
            let body = r#"{"type": "http-01", "url": "/challenge/bad", "status": "invalid",
                "error": {"type": "urn:ietf:params:acme:error:dns", "detail": "no record", "status": 400}}"#;
            with(200, &[], body)
        }
    })
    .await;
    let (client, account) = (Client::new("test"), server.account());
    let accept = async |name: &str| client.accept(&account, &format!("{}/challenge/{name}", server.base)).await;
    accept("good").await.unwrap();
    assert_eq!(server.requests.load(Ordering::SeqCst), 3, "the directory, a nonce, the challenge");
    let error = accept("bad").await.unwrap_err();
    assert_eq!(error.to_string(), "400 urn:ietf:params:acme:error:dns: no record");
}

#[tokio::test]
async fn half_a_chain_is_none() {
    let server = server(|path| match path {
        "/order/1" => {
            with(200, &[], r#"{"status": "valid", "authorizations": [], "finalize": "", "certificate": "CERT"}"#)
        }
        _ => with(200, &[], "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIF"),
    })
    .await;
    let error =
        Client::new("test").certificate(&server.account(), &format!("{}/order/1", server.base), "").await.unwrap_err();
    assert!(!error.is_final(), "{error}: it may be whole the next time");
}

#[tokio::test]
async fn renewal_information_is_read() {
    let server = server(|path| {
        assert_eq!(path, "/renewal/aki.serial");
        let body = r#"{"suggestedWindow": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}}"#;
        with(200, &[("retry-after", "21600")], body)
    })
    .await;
    let info = Client::new("test").renewal_info(&server.directory(), "aki.serial", Timestamp::now()).await;
    let info = info.unwrap().unwrap();
    assert_eq!(info.window.start.to_string(), "2026-12-01T00:00:00Z");
    assert_eq!(info.retry_after, Some(Duration::from_secs(21600)));
}

#[tokio::test]
async fn keys_that_cannot_sign_and_bundles_that_are_none_are_told() {
    let server = server(|_| None).await;
    let mut account = server.account();
    account.key = Arc::new(crate::x509::key::PrivateKey::generate(&Default::default()).unwrap());
    let error = Client::new("test").order(&account, "http://x/").await.unwrap_err();
    assert!(matches!(error, CaError::Key(_)), "{error:?}");
    let mut directory = server.directory();
    directory.ca_bundle = b"no certificate".to_vec();
    let error = Client::new("test").renewal_info(&directory, "x", Timestamp::now()).await.unwrap_err();
    assert_eq!(error.to_string(), "caBundle holds no certificate");
}

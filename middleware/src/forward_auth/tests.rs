#![allow(clippy::unwrap_used, reason = "tests")]
use crate::testing::{compile, exchange, header, over_tls, run_for_user, run_with, text, with};
use crate::{Body, Chain, Exchange, Fetch, FetchError};
use bytes::Bytes;
use flow_model::middleware::ClientTls;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// An authentication server with a fixed response that records its requests.
#[derive(Default)]
struct Server {
    answer: Mutex<Option<Response<Body>>>,
    asked: Mutex<Option<(http::request::Parts, Bytes)>>,
}

impl Server {
    fn answering(answer: http::response::Builder, body: &'static str) -> Self {
        Self { answer: Mutex::new(Some(answer.body(Body::from(body)).unwrap())), ..Self::default() }
    }

    fn asked(&self) -> HeaderMap {
        self.asked.lock().as_ref().unwrap().0.headers.clone()
    }
}

#[async_trait::async_trait]
impl Fetch for Server {
    async fn fetch(
        &self,
        request: Request<Body>,
        _: Option<&Arc<ClientTls>>,
        limit: Duration,
    ) -> Result<Response<Body>, FetchError> {
        assert_eq!(limit, Duration::from_secs(30));
        let (head, body) = request.into_parts();
        *self.asked.lock() = Some((head, body.collect().await.unwrap().to_bytes()));
        let gone = || FetchError::Unreachable { authority: "auth:9000".to_owned(), source: "gone".into() };
        self.answer.lock().take().ok_or_else(gone)
    }
}

fn chain(options: &str) -> Chain {
    let spec = format!(r#"{{"forwardAuth": {{"address": "http://auth:9000/check?x=1" {options}}}}}"#);
    Chain::new([Arc::new(compile(&spec).unwrap())])
}

async fn through(options: &str, server: &Server, exchange: &mut Exchange) -> Response<Body> {
    through_for_user(options, server, exchange).await.0
}

async fn through_for_user(
    options: &str,
    server: &Server,
    exchange: &mut Exchange,
) -> (Response<Body>, Option<Box<str>>) {
    run_for_user(&chain(options), exchange, server, |_| {
        let cookies = ["session=theirs", "theme=dark; Path=/"];
        cookies
            .iter()
            .fold(Response::builder(), |answer, cookie| answer.header("set-cookie", *cookie))
            .body(Body::from("backend"))
            .unwrap()
    })
    .await
}

fn request() -> Exchange {
    with(
        exchange("POST", "/p?q=1"),
        &[
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "said.test"),
            ("x-forwarded-port", "99"),
            ("x-real-ip", "1.2.3.4"),
            ("cookie", "a=b"),
            ("connection", "keep-alive, x-once"),
            ("x-once", "1"),
            ("te", "trailers"),
            ("proxy-authorization", "Basic eA=="),
            ("content-length", "4"),
        ],
    )
}

#[tokio::test]
async fn is_asked_about_the_request() {
    let server = Server::answering(Response::builder(), "");
    let response = through("", &server, &mut request()).await;
    assert_eq!(text(response).await, "backend");
    let (head, body) = server.asked.lock().take().unwrap();
    assert_eq!((head.method.as_str(), &*head.uri.to_string()), ("GET", "http://auth:9000/check?x=1"));
    assert!(body.is_empty());
    for (name, wanted) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-host", "example.test"),
        ("x-forwarded-uri", "/p?q=1"),
        ("x-forwarded-port", "99"),
        ("x-real-ip", "1.2.3.4"),
        ("cookie", "a=b"),
        ("proxy-authorization", "Basic eA=="),
        ("connection", ""),
        ("x-once", ""),
        ("te", ""),
        ("content-length", ""),
        ("host", ""),
    ] {
        assert_eq!(header(&head.headers, name), wanted, "{name}");
    }
}

#[tokio::test]
async fn forwarded_headers_are_kept_or_made_anew() {
    let server = Server::answering(Response::builder(), "");
    through(r#", "trustForwardHeader": true, "authRequestHeaders": ["Cookie"]"#, &server, &mut request()).await;
    let asked = server.asked();
    for (name, wanted) in [
        ("x-forwarded-for", "1.2.3.4, 127.0.0.1"),
        ("x-forwarded-host", "said.test"),
        ("x-forwarded-port", "99"),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "1.2.3.4"),
        ("cookie", "a=b"),
        ("proxy-authorization", ""),
    ] {
        assert_eq!(header(&asked, name), wanted, "trusting: {name}");
    }
    let server = Server::answering(Response::builder(), "");
    let mut request = with(over_tls(request()), &[("x_forwarded_user", "kept"), ("x_forwarded_for", "forged")]);
    through(r#", "trustForwardHeader": false"#, &server, &mut request).await;
    let asked = server.asked();
    for (name, wanted) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x_forwarded_for", ""),
        ("x_forwarded_user", "kept"),
        ("x-forwarded-host", "example.test"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", ""),
        ("proxy-authorization", "Basic eA=="),
    ] {
        assert_eq!(header(&asked, name), wanted, "not trusting: {name}");
    }
}

#[tokio::test]
async fn only_listed_headers_are_told() {
    let server = Server::answering(Response::builder(), "");
    through(r#", "authRequestHeaders": ["Cookie", "X-None"]"#, &server, &mut request()).await;
    let asked = server.asked();
    let mut names: Vec<_> = asked.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let wanted =
        ["cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-method", "x-forwarded-proto", "x-forwarded-uri"];
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn a_yes_tells_the_backend_who_it_is() {
    let server = Server::answering(
        Response::builder()
            .header("x-user", "ann")
            .header("x-group", "a")
            .header("x-group", "b")
            .header("x-other", "1"),
        "ignored",
    );
    let mut request = with(request(), &[("x-user", "forged"), ("x-role", "forged"), ("x-group", "forged")]);
    let options = r#", "authResponseHeaders": ["X-User", "X-Role"], "authResponseHeadersRegex": "^X-Gro", "headerField": "X-User""#;
    let (response, user) = through_for_user(options, &server, &mut request).await;
    assert_eq!(text(response).await, "backend");
    let headers = &request.head.headers;
    assert_eq!(headers.get_all("x-user").iter().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(headers.get_all("x-group").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(!headers.contains_key("x-role") && !headers.contains_key("x-other"));
    assert_eq!(user.as_deref(), Some("ann"));
}

#[tokio::test]
async fn its_cookies_replace_the_backends() {
    let server = Server::answering(
        Response::builder().header("set-cookie", "session=ours; HttpOnly").header("set-cookie", "x=1"),
        "",
    );
    let response = through(r#", "addAuthCookiesToResponse": ["session"]"#, &server, &mut request()).await;
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["theme=dark; Path=/", "session=ours; HttpOnly"]);
    // If the server sets no cookies, the backend's stay.
    let server = Server::answering(Response::builder(), "");
    let response = through(r#", "addAuthCookiesToResponse": ["session"]"#, &server, &mut request()).await;
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn a_no_is_the_clients_answer() {
    let answer = || {
        Response::builder()
            .status(302)
            .header("location", "/login?next=%2F")
            .header("keep-alive", "x")
            .header("set-cookie", "flow=1")
            .header("content-type", "text/html")
    };
    let server = Server::answering(answer(), "sign in");
    let response = through("", &server, &mut request()).await;
    assert_eq!(response.status(), 302);
    assert_eq!(header(response.headers(), "location"), "http://auth:9000/login?next=%2F");
    assert_eq!(header(response.headers(), "set-cookie"), "flow=1");
    assert_eq!(header(response.headers(), "content-length"), "7");
    assert!(!response.headers().contains_key("keep-alive"));
    assert_eq!(text(response).await, "sign in");

    let server = Server::answering(answer(), "sign in");
    let response = through(r#", "preserveLocationHeader": true"#, &server, &mut request()).await;
    assert_eq!(header(response.headers(), "location"), "/login?next=%2F");

    let server = Server::answering(Response::builder().status(302).header("location", "https://sso.test/x"), "");
    assert_eq!(header(through("", &server, &mut request()).await.headers(), "location"), "https://sso.test/x");

    let server = Server::answering(Response::builder().status(302).header("location", "http://[broken"), "");
    assert_eq!(through("", &server, &mut request()).await.status(), 500);
}

#[tokio::test]
async fn who_is_not_signed_in_may_be_sent_to_sign_in() {
    for (url, wanted) in
        [("https://sso.test/?rd=é", "https://sso.test/?rd=%C3%A9"), ("/login", "/login"), ("login?x", "/a/login?x")]
    {
        let server = Server::answering(Response::builder().status(401), "no");
        let mut request = exchange("GET", "/a/b");
        let response = through(&format!(r#", "authSigninURL": "{url}""#), &server, &mut request).await;
        assert_eq!((response.status().as_u16(), header(response.headers(), "location")), (302, wanted));
        assert_eq!(response.headers().len(), 1);
        assert_eq!(text(response).await, "");
    }
    let server = Server::answering(Response::builder().status(403), "no");
    assert_eq!(through(r#", "authSigninURL": "/login""#, &server, &mut request()).await.status(), 403);
}

#[tokio::test]
async fn a_body_is_sent_to_both() {
    for (options, status) in [
        (r#", "forwardBody": true, "preserveRequestMethod": true"#, 200),
        (r#", "forwardBody": true, "maxBodySize": 4"#, 200),
        (r#", "forwardBody": true, "maxBodySize": -1"#, 200),
        (r#", "forwardBody": true, "maxBodySize": 3"#, 401),
    ] {
        let server = Server::answering(Response::builder(), "");
        let mut request = request();
        request.body = Body::boxed(http_body_util::Full::new(Bytes::from_static(b"body")));
        let response = through(options, &server, &mut request).await;
        assert_eq!(response.status(), status, "{options}");
        if status == 200 {
            let (head, body) = server.asked.lock().take().unwrap();
            assert_eq!((&*body, header(&head.headers, "content-length")), (&b"body"[..], "4"));
            assert_eq!(head.method == "POST", options.contains("preserve"));
            assert_eq!(request.body.collect().await.unwrap().to_bytes(), "body");
        } else {
            assert_eq!(text(response).await, "");
        }
    }
}

#[tokio::test]
async fn no_answer_or_too_long_a_one_is_no() {
    let server = Server::default();
    let response = through("", &server, &mut request()).await;
    assert_eq!((response.status().as_u16(), response.headers().len()), (500, 0));
    assert_eq!(text(response).await, "");
    for (limit, status) in [(5, 401), (6, 200)] {
        let server = Server::answering(Response::builder(), "answer");
        let options = format!(r#", "maxResponseBodySize": {limit}"#);
        assert_eq!(through(&options, &server, &mut request()).await.status(), status);
    }
}

#[tokio::test]
async fn a_user_in_the_address_signs_in() {
    let ask = async |request: Exchange| {
        let spec = r#"{"forwardAuth": {"address": "http://pro%78y:s%40crt@auth:9000/check#top"}}"#;
        let chain = Chain::new([Arc::new(compile(spec).unwrap())]);
        let server = Server::answering(Response::builder(), "");
        let mut request = request;
        run_with(&chain, &mut request, &server, |_| Response::new(Body::Empty)).await;
        let (head, _) = server.asked.lock().take().unwrap();
        assert_eq!(head.uri.to_string(), "http://auth:9000/check");
        header(&head.headers, "authorization").to_owned()
    };
    assert_eq!(ask(request()).await, "Basic cHJveHk6c0BjcnQ=");
    assert_eq!(ask(with(request(), &[("authorization", "Bearer x")])).await, "Bearer x");
}

#[test]
fn what_does_not_hold_is_refused() {
    for spec in [
        r#"{"forwardAuth": {}}"#,
        r#"{"forwardAuth": {"address": "auth:9000"}}"#,
        r#"{"forwardAuth": {"address": "ftp://auth/"}}"#,
        r#"{"forwardAuth": {"address": "http://auth/", "authResponseHeadersRegex": "("}}"#,
        r#"{"forwardAuth": {"address": "http://auth/", "authResponseHeaders": ["not a name"]}}"#,
    ] {
        assert!(compile(spec).is_err(), "{spec}");
    }
}

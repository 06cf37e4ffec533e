use crate::forward::{clean_response, prepare_request};
use flow_middleware::{ForwardedFor, OmitForwardedFor};
use http::{HeaderMap, HeaderValue, Request, Response};

static CLIENT: HeaderValue = HeaderValue::from_static("192.0.2.7");

fn prepared(headers: &[(&str, &str)], forwarded_for: ForwardedFor) -> Vec<(String, String)> {
    let mut request = Request::get("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    prepare_request(&mut head, &CLIENT, forwarded_for);
    listed(&head.headers)
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let mut listed: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    listed.sort();
    listed
}

fn kept(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    prepared(headers, ForwardedFor::Keep)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_concerns_one_connection_stays_here() {
    let gone = [
        ("connection", "close, X-Gone,, x-also"),
        ("connection", "X-Third"),
        ("x-gone", "1"),
        ("x-also", "1"),
        ("x-third", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("proxy-authorization", "Basic eA=="),
        ("proxy-authenticate", "x"),
        ("te", "gzip"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "foo"),
    ];
    assert_eq!(kept(&gone), []);
    assert_eq!(kept(&[("te", "gzip;q=1, Trailers")]), pairs(&[("te", "trailers")]));
    let stay = [("accept", "*/*"), ("forwarded", "for=1.1.1.1"), ("host", "a"), ("x-stays", "")];
    assert_eq!(kept(&stay), pairs(&stay));
}

#[test]
fn a_connection_header_cannot_change_the_message() {
    let sneaky = [("connection", "Host, Content-Length"), ("host", "a"), ("content-length", "3")];
    assert_eq!(kept(&sneaky), pairs(&[("content-length", "3"), ("host", "a")]));
    assert_eq!(kept(&[("connection", "\", @, a b"), ("host", "a")]), pairs(&[("host", "a")]));
}

#[test]
fn the_client_is_appended() {
    let appended = |headers: &[(&str, &str)]| prepared(headers, ForwardedFor::Append);
    assert_eq!(appended(&[]), pairs(&[("x-forwarded-for", "192.0.2.7")]));
    assert_eq!(
        appended(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2, 3.3.3.3")]),
        pairs(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7")])
    );
    let as_it_is = [("x-forwarded-for", "1.1.1.1")];
    assert_eq!(kept(&as_it_is), pairs(&as_it_is));
    let (mut head, ()) = Request::get("/").extension(OmitForwardedFor).body(()).unwrap().into_parts();
    prepare_request(&mut head, &CLIENT, ForwardedFor::Append);
    assert_eq!(listed(&head.headers), [], "suppressed by the headers middleware");
}

#[test]
fn answers_are_cleaned_too() {
    let response = Response::builder()
        .header("connection", "X-Gone")
        .header("x-gone", "1")
        .header("keep-alive", "x")
        .header("server", "mine")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("trailer", "x-sum");
    let (mut head, ()) = response.body(()).unwrap().into_parts();
    clean_response(&mut head);
    assert_eq!(
        listed(&head.headers),
        pairs(&[("server", "mine"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("trailer", "x-sum")])
    );
}

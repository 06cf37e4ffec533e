#![allow(clippy::unwrap_used, reason = "tests")]
use crate::path::request_uri;
use crate::testing::{chain, compile, exchange, header, ok, passes, run, text};
use http::StatusCode;

/// Sends `target` through the middlewares; returns the target that the backend sees, and the named header.
async fn rewritten(specs: &[&str], target: &str, name: &str) -> (String, String) {
    let mut exchange = exchange("GET", target);
    assert!(passes(&chain(specs), &mut exchange).await, "{target}");
    (request_uri(&exchange).to_owned(), header(&exchange.head.headers, name).to_owned())
}

#[tokio::test]
async fn adds_a_prefix_in_both_forms_of_the_path() {
    let add = r#"{"addPrefix": {"prefix": "/v1"}}"#;
    for (target, wanted) in
        [("/x", "/v1/x"), ("/", "/v1/"), ("/a%2Fb?q=%20", "/v1/a%2Fb?q=%20"), ("/a%20b", "/v1/a%20b")]
    {
        assert_eq!(rewritten(&[add], target, "").await.0, wanted);
    }
    assert_eq!(rewritten(&[r#"{"addPrefix": {"prefix": "no slash"}}"#], "/x%2Fy", "").await.0, "/no%20slash/x/y");
    assert_eq!(rewritten(&[r#"{"addPrefix": {"prefix": "/a%20b"}}"#], "/x", "").await.0, "/a%2520b/x");
    assert!(compile(r#"{"addPrefix": {}}"#).is_err());
}

#[tokio::test]
async fn strips_the_first_prefix_that_fits() {
    let strip = r#"{"stripPrefix": {"prefixes": [" /shop ", "/old/"]}}"#;
    for (target, wanted, prefix) in [
        ("/shop/cart?id=1", "/cart?id=1", "/shop"),
        ("/shop", "/", "/shop"),
        ("/shopping", "/ping", "/shop"),
        ("/old/x", "/x", "/old/"),
        ("/old", "/old", ""),
        ("/shop/a%2Fb", "/a%2Fb", "/shop"),
        ("/sh%6Fp/x", "/x", "/shop"),
        ("/shop/a%20b", "/a%20b", "/shop"),
        ("/shop%2Fb", "/b", "/shop"),
    ] {
        let (target_seen, header) = rewritten(&[strip], target, "x-forwarded-prefix").await;
        assert_eq!((&*target_seen, &*header), (wanted, prefix), "{target}");
    }
}

#[tokio::test]
async fn refuses_what_a_backend_could_read_as_another_path() {
    let strip = chain(&[r#"{"stripPrefix": {"prefixes": ["/api"]}}"#]);
    let regex = chain(&[r#"{"stripPrefixRegex": {"regex": ["^/api"]}}"#]);
    let replace = chain(&[r#"{"replacePathRegex": {"regex": "^/api(.*)", "replacement": "/$1"}}"#]);
    for (chain, target) in [
        (&strip, "/api../admin"),
        (&strip, "/api//x"),
        (&regex, "/api../admin"),
        (&regex, "/api./x"),
        (&replace, "/api../admin"),
        (&replace, "/api/x"),
    ] {
        let response = run(chain, &mut exchange("GET", target), ok).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{target}");
        assert_eq!(text(response).await, "Bad Request\n");
    }
}

#[tokio::test]
async fn a_prefix_after_nothing_has_no_slash_behind_it() {
    let add = r#"{"addPrefix": {"prefix": "/v2"}}"#;
    let strip = r#"{"stripPrefix": {"prefixes": ["/api"]}}"#;
    let forced = r#"{"stripPrefix": {"prefixes": ["/api"], "forceSlash": true}}"#;
    assert_eq!(rewritten(&[strip, add], "/api", "").await.0, "/v2");
    assert_eq!(rewritten(&[forced, add], "/api", "").await.0, "/v2/");
    assert_eq!(rewritten(&[strip, add], "/api/", "").await.0, "/v2/");
}

#[tokio::test]
async fn strips_by_expressions_at_the_start_only() {
    let strip = r#"{"stripPrefixRegex": {"regex": ["/user/[a-z]+", " ^/v[0-9] "]}}"#;
    for (target, wanted, prefix) in [
        ("/user/ann/x", "/x", "/user/ann"),
        ("/user/ann", "/", "/user/ann"),
        ("/a/user/ann/x", "/a/user/ann/x", ""),
        ("/v2/x", "/x", "/v2"),
        ("/user/12", "/user/12", ""),
    ] {
        let (target_seen, header) = rewritten(&[strip], target, "x-forwarded-prefix").await;
        assert_eq!((&*target_seen, &*header), (wanted, prefix), "{target}");
    }
    assert!(compile(r#"{"stripPrefixRegex": {"regex": ["("]}}"#).is_err());
}

#[tokio::test]
async fn replaces_the_path_and_tells_the_old_one() {
    let replace = r#"{"replacePath": {"path": "/new%2Fpath"}}"#;
    let seen = rewritten(&[replace], "/old%20one/x?q=1", "x-replaced-path").await;
    assert_eq!(seen, ("/new%2Fpath?q=1".to_owned(), "/old%20one/x".to_owned()));
    let seen = rewritten(&[r#"{"replacePath": {"path": "/a b"}}"#], "/x", "").await;
    assert_eq!(seen.0, "/a%20b");

    let broken = chain(&[r#"{"replacePath": {"path": "/%zz"}}"#]);
    let response = run(&broken, &mut exchange("GET", "/x"), ok).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "invalid URL escape \"%zz\"\n");
}

#[tokio::test]
async fn replaces_by_an_expression_on_the_escaped_path() {
    let spec = r#"{"replacePathRegex": {"regex": "^/item/([^/]+)/(?P<rest>.*)", "replacement": "/${rest}/$1"}}"#;
    for (target, wanted, old) in [
        ("/item/7/view?x", "/view/7?x", "/item/7/view"),
        ("/other/7/view", "/other/7/view", ""),
        ("/item/a%20b/c", "/c/a%20b", "/item/a%20b/c"),
    ] {
        let (target_seen, header) = rewritten(&[spec], target, "x-replaced-path").await;
        assert_eq!((&*target_seen, &*header), (wanted, old), "{target}");
    }
    let response =
        run(&chain(&[r#"{"replacePathRegex": {"regex": "/x", "replacement": "/%"}}"#]), &mut exchange("GET", "/x"), ok)
            .await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

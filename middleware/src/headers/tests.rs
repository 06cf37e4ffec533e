#![allow(clippy::unwrap_used, reason = "tests")]
use crate::Body;
use crate::exchange::OmitForwardedFor;
use crate::testing::{chain, compile, exchange, header, ok, over_tls, passes, run, text, with};
use http::{HeaderMap, Response};

/// The headers of the response to a plain GET with these request headers; the backend adds `backend`.
async fn answered(spec: &str, request: &[(&'static str, &str)], backend: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut exchange = with(exchange("GET", "/"), request);
    let answer = |_: &crate::Exchange| {
        let mut response = Response::new(Body::from("ok"));
        for (name, value) in backend {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        response
    };
    run(&chain(&[spec]), &mut exchange, answer).await.headers().clone()
}

#[tokio::test]
async fn sets_and_deletes_headers_both_ways() {
    let spec = r#"{"headers": {
        "customRequestHeaders": {"X-In": " yes ", "X-Drop": "", "Host": "inside.test", "host": ""},
        "customResponseHeaders": {"X-Out": "yes", "Server": ""}}}"#;
    let mut exchange = with(exchange("GET", "/"), &[("x-drop", "1"), ("x-in", "no"), ("x-in", "never")]);
    let response = run(&chain(&[spec]), &mut exchange, |_| {
        Response::builder().header("server", "x").header("x-out", "no").body(Body::Empty).unwrap()
    })
    .await;
    assert_eq!(response.headers().len(), 1);
    assert_eq!(header(response.headers(), "x-out"), "yes");
    let headers = &exchange.head.headers;
    assert_eq!(headers.get_all("x-in").iter().collect::<Vec<_>>(), ["yes"]);
    assert_eq!((headers.contains_key("x-drop"), header(headers, "host")), (false, "inside.test"));
}

#[tokio::test]
async fn the_backend_can_be_kept_from_knowing_the_client() {
    let spec = r#"{"headers": {"customRequestHeaders": {"X-Forwarded-For": ""}}}"#;
    let mut exchange = with(exchange("GET", "/"), &[("x-forwarded-for", "1.1.1.1")]);
    assert!(passes(&chain(&[spec]), &mut exchange).await);
    assert!(!exchange.head.headers.contains_key("x-forwarded-for"));
    assert!(exchange.head.extensions.get::<OmitForwardedFor>().is_some());
}

#[tokio::test]
async fn security_headers_are_set_over_the_backends() {
    let spec = r#"{"headers": {"frameDeny": true, "contentTypeNosniff": true, "browserXssFilter": true,
        "referrerPolicy": "no-referrer", "permissionsPolicy": "camera=()", "contentSecurityPolicy": "default-src 'self'",
        "contentSecurityPolicyReportOnly": "img-src *", "publicKey": "pin", "stsSeconds": 60,
        "stsIncludeSubdomains": true, "stsPreload": true}}"#;
    let headers = answered(spec, &[("x-forwarded-proto", "https")], &[("x-frame-options", "SAMEORIGIN")]).await;
    for (name, wanted) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("x-xss-protection", "1; mode=block"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=()"),
        ("content-security-policy", "default-src 'self'"),
        ("content-security-policy-report-only", "img-src *"),
        // The connection is plain, and no header says otherwise.
        ("strict-transport-security", ""),
        ("public-key-pins", ""),
    ] {
        assert_eq!(header(&headers, name), wanted, "{name}");
    }
    let response = run(&chain(&[spec]), &mut over_tls(exchange("GET", "/")), ok).await;
    assert_eq!(header(response.headers(), "strict-transport-security"), "max-age=60; includeSubDomains; preload");
    assert_eq!(header(response.headers(), "public-key-pins"), "pin");
}

#[tokio::test]
async fn transport_security_may_be_forced_or_told_by_headers() {
    let forced = r#"{"headers": {"stsSeconds": 5, "forceSTSHeader": true}}"#;
    assert_eq!(header(&answered(forced, &[], &[]).await, "strict-transport-security"), "max-age=5");
    let told = r#"{"headers": {"stsSeconds": 5, "sslProxyHeaders": {"X-Tls": "on"}}}"#;
    assert_eq!(header(&answered(told, &[("x-tls", "on")], &[]).await, "strict-transport-security"), "max-age=5");
    assert_eq!(header(&answered(told, &[("x-tls", "ON")], &[]).await, "strict-transport-security"), "");
    let developing = r#"{"headers": {"stsSeconds": 5, "forceSTSHeader": true, "isDevelopment": true}}"#;
    assert_eq!(header(&answered(developing, &[], &[]).await, "strict-transport-security"), "");
}

#[tokio::test]
async fn custom_values_win() {
    let spec = r#"{"headers": {"frameDeny": true, "customFrameOptionsValue": "SAMEORIGIN", "browserXssFilter": true,
        "customBrowserXSSValue": "0", "customResponseHeaders": {"X-Frame-Options": "MINE"}}}"#;
    let headers = answered(spec, &[], &[]).await;
    assert_eq!(header(&headers, "x-xss-protection"), "0");
    assert_eq!(header(&headers, "x-frame-options"), "MINE");
}

#[tokio::test]
async fn values_in_several_lines_are_one() {
    let spec = r#"{"headers": {"customResponseHeaders": {"X-Long": "a;\n b\r\n"}, "contentSecurityPolicy": "a;\nb $NONCE\n"}}"#;
    let headers = answered(spec, &[], &[]).await;
    assert_eq!(header(&headers, "x-long"), "a;  b");
    assert!(header(&headers, "content-security-policy").starts_with("a; b 'nonce-"));
}

#[tokio::test]
async fn a_switch_of_protocols_passes_as_it_is() {
    let spec = r#"{"headers": {"customResponseHeaders": {"Upgrade": "", "X-Set": "1"}, "frameDeny": true}}"#;
    for (status, upgrade, set) in [(101, "websocket", ""), (200, "", "1")] {
        let answer = |_: &crate::Exchange| {
            Response::builder().status(status).header("upgrade", "websocket").body(Body::Empty).unwrap()
        };
        let response = run(&chain(&[spec]), &mut exchange("GET", "/"), answer).await;
        assert_eq!((header(response.headers(), "upgrade"), header(response.headers(), "x-set")), (upgrade, set));
    }
}

#[tokio::test]
async fn the_framing_of_a_message_is_not_configured() {
    let spec = r#"{"headers": {"customRequestHeaders": {"Content-Length": "1", "Transfer-Encoding": "chunked", "X-Set": "1"},
        "customResponseHeaders": {"Content-Length": "1", "Transfer-Encoding": "chunked"}}}"#;
    let mut exchange = with(exchange("POST", "/"), &[("content-length", "3")]);
    let response = run(&chain(&[spec]), &mut exchange, ok).await;
    let headers = &exchange.head.headers;
    assert_eq!((header(headers, "content-length"), header(headers, "x-set")), ("3", "1"));
    for name in ["content-length", "transfer-encoding"] {
        assert!(!headers.contains_key("transfer-encoding") && header(response.headers(), name) != "1", "{name}");
    }
}

#[tokio::test]
async fn every_answer_has_a_nonce_of_its_own() {
    let spec = r#"{"headers": {"contentSecurityPolicy": "script-src $NONCE; style-src $NONCE"}}"#;
    let mut policies = Vec::new();
    for _ in 0..2 {
        let headers = answered(spec, &[], &[]).await;
        let policy = header(&headers, "content-security-policy").to_owned();
        let nonce = policy.split('\'').nth(1).unwrap().to_owned();
        assert_eq!(policy, format!("script-src '{nonce}'; style-src '{nonce}'"));
        assert_eq!(nonce.len(), "nonce-".len() + 22);
        policies.push(policy);
    }
    assert_ne!(policies[0], policies[1]);
}

#[tokio::test]
async fn only_allowed_hosts_are_served() {
    let spec = r#"{"headers": {"allowedHosts": ["Example.TEST"], "frameDeny": true,
        "customResponseHeaders": {"X-Outer": "1"}}}"#;
    assert_eq!(header(&answered(spec, &[], &[]).await, "x-frame-options"), "DENY");
    let mut other = exchange("GET", "/");
    other.head.headers.insert("host", "other.test".parse().unwrap());
    let response = run(&chain(&[spec]), &mut other, ok).await;
    assert_eq!((response.status().as_u16(), header(response.headers(), "x-outer")), (500, "1"));
    assert_eq!(header(response.headers(), "x-frame-options"), "");
    assert_eq!(text(response).await, "Bad Host\n");

    let proxied = r#"{"headers": {"allowedHosts": ["a.test"], "hostsProxyHeaders": ["X-One", "X-Two"]}}"#;
    for (headers, reached) in
        [(&[("x-two", "a.test")][..], true), (&[("x-one", "b"), ("x-two", "a.test")], false), (&[], false)]
    {
        assert_eq!(passes(&chain(&[proxied]), &mut with(exchange("GET", "/"), headers)).await, reached);
    }
    let developing = r#"{"headers": {"allowedHosts": ["a.test"], "isDevelopment": true}}"#;
    assert!(passes(&chain(&[developing]), &mut exchange("GET", "/")).await);
}

#[tokio::test]
async fn a_preflight_is_answered_here() {
    let spec = r#"{"headers": {"accessControlAllowMethods": ["GET", "PUT"], "accessControlAllowHeaders": ["X-A", "X-B"],
        "accessControlAllowOriginList": ["https://a.test"], "accessControlMaxAge": 600,
        "accessControlExposeHeaders": ["X-C"], "addVaryHeader": true, "customResponseHeaders": {"X-Never": "1"}}}"#;
    let asks = [("origin", "https://a.test"), ("access-control-request-method", "PUT")];
    let mut preflight = with(exchange("OPTIONS", "/"), &asks);
    let response = run(&chain(&[spec]), &mut preflight, |_| unreachable!("answered")).await;
    assert_eq!(response.status(), 200);
    for (name, wanted) in [
        ("access-control-allow-origin", "https://a.test"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "X-A,X-B"),
        ("access-control-expose-headers", "X-C"),
        ("access-control-max-age", "600"),
        ("content-length", "0"),
    ] {
        assert_eq!(header(response.headers(), name), wanted, "{name}");
    }
    assert_eq!(response.headers().len(), 6);

    let mut stranger = with(exchange("OPTIONS", "/"), &[("origin", "https://b.test"), asks[1]]);
    let response = run(&chain(&[spec]), &mut stranger, |_| unreachable!("answered")).await;
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    for incomplete in [&asks[..1], &asks[1..]] {
        assert!(passes(&chain(&[spec]), &mut with(exchange("OPTIONS", "/"), incomplete)).await);
    }
    assert!(passes(&chain(&[spec]), &mut with(exchange("GET", "/"), &asks)).await);
}

#[tokio::test]
async fn answers_tell_the_origin_that_may_read_them() {
    let listed = r#"{"headers": {"accessControlAllowOriginList": ["https://a.test"], "accessControlAllowOriginListRegex": ["^https://[a-z]+\\.b\\.test$"]}}"#;
    for (origin, wanted) in
        [("https://a.test", "https://a.test"), ("https://x.b.test", "https://x.b.test"), ("https://c.test", "")]
    {
        let headers = answered(listed, &[("origin", origin)], &[]).await;
        assert_eq!(header(&headers, "access-control-allow-origin"), wanted, "{origin}");
    }
    let everyone = r#"{"headers": {"accessControlAllowOriginList": ["*"]}}"#;
    assert_eq!(header(&answered(everyone, &[], &[]).await, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn with_credentials_a_star_becomes_what_was_asked() {
    let spec = r#"{"headers": {"accessControlAllowOriginList": ["*"], "accessControlAllowCredentials": true,
        "accessControlAllowHeaders": ["*"], "accessControlAllowMethods": ["*"], "accessControlExposeHeaders": ["*"]}}"#;
    let headers = answered(spec, &[("origin", "https://a.test")], &[]).await;
    assert_eq!(header(&headers, "access-control-allow-origin"), "https://a.test");
    assert_eq!(header(&headers, "access-control-allow-credentials"), "true");
    assert!(!headers.contains_key("access-control-expose-headers"));
    let asks = [
        ("origin", "https://a.test"),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "X-B, X-C"),
    ];
    let response = run(&chain(&[spec]), &mut with(exchange("OPTIONS", "/"), &asks), ok).await;
    assert_eq!(header(response.headers(), "access-control-allow-methods"), "DELETE");
    assert_eq!(header(response.headers(), "access-control-allow-headers"), "X-B, X-C");
}

#[tokio::test]
async fn vary_gets_origin_once_behind_the_first_value() {
    let spec = r#"{"headers": {"addVaryHeader": true}}"#;
    for (backend, wanted) in [
        (&[][..], &["Origin"][..]),
        (&[("vary", "Origin")], &["Origin"]),
        (&[("vary", "Accept")], &["Accept,Origin"]),
        (&[("vary", "Accept"), ("vary", "Cookie")], &["Accept,Origin", "Cookie"]),
    ] {
        let headers = answered(spec, &[], backend).await;
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn what_sets_nothing_or_cannot_be_a_header_is_refused() {
    for spec in [
        r#"{"headers": {}}"#,
        r#"{"headers": {"sslRedirect": false}}"#,
        r#"{"headers": {"customRequestHeaders": {"not a name": "x"}}}"#,
        r#"{"headers": {"customResponseHeaders": {"X-A": "a\u0000b"}}}"#,
        r#"{"headers": {"accessControlAllowOriginListRegex": ["("]}}"#,
    ] {
        assert!(compile(spec).is_err(), "{spec}");
    }
    assert!(compile(r#"{"headers": {"sslRedirect": true}}"#).is_ok());
}

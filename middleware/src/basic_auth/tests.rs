#![allow(clippy::unwrap_used, reason = "tests")]
use super::secret::Secret;
use crate::testing::{NoFetch, chain, compile, exchange, header, ok, run, run_for_user, text, with};
use crate::{Chain, Exchange};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Instant;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn with_authorization(value: &str) -> Exchange {
    with(exchange("GET", "/"), &[("authorization", value)])
}

/// `ann` by bcrypt, `bob` by MD5-crypt, `cid` by SHA-1; the password is `open sesame`.
fn spec(options: &str) -> String {
    let bcrypt = bcrypt::hash("open sesame", 4).unwrap();
    let users = [
        format!("ann:{bcrypt}"),
        "bob:$apr1$Zx9.Ab/c$vn8t8remeyDQK0zzUzmb7/".to_owned(),
        "cid:{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=".to_owned(),
        "dan:plain".to_owned(),
    ];
    format!(r#"{{"basicAuth": {{"users": {} {options}}}}}"#, serde_json::to_string(&users).unwrap())
}

async fn status(chain: &Chain, authorization: &str) -> u16 {
    run(chain, &mut with_authorization(authorization), ok).await.status().as_u16()
}

#[test]
fn secrets_match_their_passwords_only() {
    for (hash, password) in [
        ("$apr1$Zx9.Ab/c$vn8t8remeyDQK0zzUzmb7/", "open sesame"),
        ("$1$q1w2e3$cYtLeLzpObnv8xb0.vVIf1", "open sesame"),
        ("$apr1$s$e2aCb9PLCjZ2t55SoAxXn.", ""),
        ("$apr1$longpass$bwwDijesPVZbA1ECZHTt0/", "a password of more than thirty-two bytes, surely"),
        ("{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=", "open sesame"),
    ] {
        let secret = Secret::new(hash);
        assert!(secret.matches(password.as_bytes()), "{hash}");
        assert!(!secret.matches(b"open Sesame"), "{hash}");
    }
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    for prefix in ["$2a$", "$2b$", "$2x$", "$2y$"] {
        assert!(Secret::new(&[prefix, &hash[4..]].concat()).matches(b"open sesame"), "{prefix}");
    }
}

#[test]
fn what_is_no_hash_matches_nothing() {
    for hash in ["", "plain", "$", "$2y$05$short", "$2y$99$................................", "$apr1$salt", "{SHA}"] {
        for password in ["", "plain", hash] {
            assert!(!Secret::new(hash).matches(password.as_bytes()), "{hash}");
        }
    }
}

#[tokio::test]
async fn users_pass_with_their_passwords() {
    let chain = chain(&[&spec("")]);
    for user in ["ann", "bob", "cid"] {
        assert_eq!(status(&chain, &basic(user, "open sesame")).await, 200, "{user}");
        assert_eq!(status(&chain, &basic(user, "open sesame").replace("Basic", "bAsIc")).await, 200, "{user}");
        assert_eq!(status(&chain, &basic(user, "wrong")).await, 401, "{user}");
        assert_eq!(status(&chain, &basic(user, "wrong")).await, 401, "{user}");
    }
    for wrong in [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer x",
        "Basic YW5u",
        &basic("dan", "plain"),
        &basic("eve", "open sesame"),
    ] {
        assert_eq!(status(&chain, wrong).await, 401, "{wrong}");
    }
}

#[tokio::test]
async fn a_verdict_is_that_of_one_user() {
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    let other = bcrypt::hash("ann:open sesame", 4).unwrap();
    let chain = Arc::new(chain(&[&format!(r#"{{"basicAuth": {{"users": ["ann:{hash}", "an:{other}"]}}}}"#)]));
    let asked = [
        ("ann", "open sesame", 200),
        ("eve", "open sesame", 401),
        ("an", "open sesame", 401),
        ("an", "ann:open sesame", 200),
    ];
    let requests = asked.into_iter().cycle().take(40).map(|(user, password, wanted)| {
        let chain = Arc::clone(&chain);
        tokio::spawn(async move { (status(&chain, &basic(user, password)).await, wanted, user) })
    });
    for request in requests.collect::<Vec<_>>() {
        let (status, wanted, user) = request.await.unwrap();
        assert_eq!(status, wanted, "{user}");
    }
}

#[tokio::test]
async fn a_realm_is_quoted() {
    let chain = chain(&[&spec(r#", "realm": "the \"inner\" \\circle""#)]);
    let response = run(&chain, &mut with_authorization("Basic x"), |_| unreachable!("refused")).await;
    assert_eq!(header(response.headers(), "www-authenticate"), r#"Basic realm="the \"inner\" \\circle""#);
}

#[tokio::test]
async fn a_stranger_is_told_the_realm() {
    let chain = chain(&[&spec(r#", "realm": "inner circle""#)]);
    let mut stranger = with_authorization(&basic("eve", "x"));
    let (response, user) = run_for_user(&chain, &mut stranger, &NoFetch, |_| unreachable!("refused")).await;
    assert_eq!(response.headers().len(), 2);
    assert_eq!(header(response.headers(), "www-authenticate"), "Basic realm=\"inner circle\"");
    assert_eq!(header(response.headers(), "content-type"), "text/plain");
    assert_eq!(user.as_deref(), Some("eve"));
    assert_eq!(text(response).await, "401 Unauthorized\n");
}

#[tokio::test]
async fn the_backend_may_be_told_the_user_and_not_the_password() {
    let chain = chain(&[&spec(r#", "removeHeader": true, "headerField": "X-WebAuth-User""#)]);
    let mut exchange = with(with_authorization(&basic("cid", "open sesame")), &[("x-webauth-user", "forged")]);
    let (response, user) = run_for_user(&chain, &mut exchange, &NoFetch, ok).await;
    assert_eq!(response.status(), 200);
    let headers = &exchange.head.headers;
    assert_eq!(headers.get_all("x-webauth-user").iter().collect::<Vec<_>>(), ["cid"]);
    assert!(!headers.contains_key("authorization"));
    assert_eq!(user.as_deref(), Some("cid"));
}

#[tokio::test]
async fn many_requests_cost_one_hash() {
    let hash = bcrypt::hash("open sesame", 10).unwrap();
    let before = Instant::now();
    assert!(bcrypt::verify("open sesame", &hash).unwrap());
    let once = before.elapsed();
    let chain = Arc::new(chain(&[&format!(r#"{{"basicAuth": {{"users": ["ann:{hash}"]}}}}"#)]));
    let before = Instant::now();
    let requests = (0..50).map(|_| {
        let chain = Arc::clone(&chain);
        tokio::spawn(async move { status(&chain, &basic("ann", "open sesame")).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert!(before.elapsed() < once * 25, "{:?} for fifty, {once:?} for one", before.elapsed());
}

#[test]
fn users_must_be_there_and_well_formed() {
    for spec in [
        r#"{"basicAuth": {}}"#,
        r#"{"basicAuth": {"users": ["ann"]}}"#,
        r#"{"basicAuth": {"users": ["ann:b:c"]}}"#,
        r#"{"basicAuth": {"users": ["ann:b"], "headerField": "not a name"}}"#,
    ] {
        let error = compile(spec).unwrap_err().to_string();
        assert!(!error.contains("ann"), "{error}");
    }
}

#![allow(clippy::unwrap_used, reason = "tests")]
use super::bucket::{Decision, Rate};
use super::store::Store;
use crate::address::Client;
use crate::testing::{chain, compile, exchange, from, header, ok, passes, run, text, with};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn rate(average: i64, period: u64, burst: i64) -> Rate {
    Rate::new(average, Duration::from_secs(period), burst).unwrap()
}

#[test]
fn a_bucket_gives_its_burst_and_then_its_rate() {
    let rate = rate(2, 1, 3);
    let mut bucket = rate.fresh(0);
    for _ in 0..3 {
        assert_eq!(rate.take(&mut bucket, 0), Decision::Pass);
    }
    // The next token is half a second away, more than the quarter that a request waits here.
    assert_eq!(rate.take(&mut bucket, 0), Decision::Refuse(Duration::from_millis(500)));
    // A refused request takes no token.
    assert_eq!(rate.take(&mut bucket, SECOND / 2), Decision::Pass);
    assert_eq!(rate.take(&mut bucket, SECOND * 3 / 4), Decision::Wait(Duration::from_millis(250)));
    assert_eq!(rate.take(&mut bucket, SECOND * 3 / 4), Decision::Refuse(Duration::from_millis(750)));
}

#[test]
fn a_bucket_never_holds_more_than_its_burst() {
    let rate = rate(10, 1, 2);
    let mut bucket = rate.fresh(0);
    let at = 1000 * SECOND;
    assert_eq!(rate.take(&mut bucket, at), Decision::Pass);
    assert_eq!(rate.take(&mut bucket, at), Decision::Pass);
    // A tenth of a second is more than half of it.
    assert_eq!(rate.take(&mut bucket, at), Decision::Refuse(Duration::from_millis(100)));
}

#[test]
fn slow_rates_wait_half_a_second_at_most() {
    let rate = rate(1, 10, 1);
    let mut bucket = rate.fresh(0);
    assert_eq!(rate.take(&mut bucket, 0), Decision::Pass);
    assert_eq!(rate.take(&mut bucket, 9 * SECOND), Decision::Refuse(Duration::from_secs(1)));
    assert_eq!(rate.take(&mut bucket, 9 * SECOND + SECOND / 2), Decision::Wait(Duration::from_millis(500)));
    assert_eq!(rate.idle, 11 * SECOND);
}

#[test]
fn odd_settings_hold() {
    assert!(Rate::new(0, Duration::from_secs(1), 1).is_none());
    assert!(Rate::new(-1, Duration::from_secs(1), 1).is_none());
    let huge = Rate::new(i64::MAX, Duration::from_nanos(1), i64::MAX).unwrap();
    let mut bucket = huge.fresh(u64::MAX);
    assert_eq!(huge.take(&mut bucket, u64::MAX), Decision::Pass);
    let small = Rate::new(1, Duration::MAX, i64::MAX).unwrap();
    let mut bucket = small.fresh(0);
    assert_eq!(small.take(&mut bucket, 0), Decision::Pass);
    let none_at_once = Rate::new(1, Duration::ZERO, -5).unwrap();
    let mut bucket = none_at_once.fresh(0);
    assert_eq!(none_at_once.take(&mut bucket, 0), Decision::Pass);
    assert!(matches!(none_at_once.take(&mut bucket, 0), Decision::Refuse(_)));
}

#[test]
fn sources_are_forgotten_when_idle_and_never_too_many() {
    let (rate, store) = (rate(1, 3600, 2), Store::default());
    assert_eq!(store.take(&rate, Client::Text("a"), 0), Decision::Pass);
    assert_eq!(store.take(&rate, Client::Text("a"), 0), Decision::Pass);
    assert!(matches!(store.take(&rate, Client::Text("a"), 0), Decision::Refuse(_)));
    assert_eq!(store.take(&rate, Client::Text("b"), 0), Decision::Pass);
    // A refused request keeps the bucket alive as well.
    assert!(matches!(store.take(&rate, Client::Text("a"), 1800 * SECOND), Decision::Refuse(_)));
    assert_eq!(store.take(&rate, Client::Text("a"), 5401 * SECOND), Decision::Pass);
    assert_eq!(store.take(&rate, Client::Text("a"), 5401 * SECOND), Decision::Pass);
    for source in 0..80_000 {
        store.take(&rate, Client::Text(&source.to_string()), 5402 * SECOND);
    }
    assert!((50_000..=65_536).contains(&store.len()), "{}", store.len());
}

#[test]
fn many_workers_get_no_more_than_one_would() {
    let (rate, store) = (rate(1, 3600, 500), Store::default());
    let passed: usize = std::thread::scope(|scope| {
        let worker = || (0..400).filter(|_| store.take(&rate, Client::Text("x"), 1) == Decision::Pass).count();
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(passed, 500);
}

#[tokio::test(start_paused = true)]
async fn refuses_with_the_time_to_come_back() {
    let chain = chain(&[r#"{"rateLimit": {"average": 1, "period": "1h", "burst": 1}}"#]);
    assert!(passes(&chain, &mut exchange("GET", "/")).await);
    tokio::time::advance(Duration::from_millis(500)).await;
    let response = run(&chain, &mut exchange("GET", "/"), ok).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(response.headers(), "retry-after"), "3600");
    assert_eq!(header(response.headers(), "x-retry-in"), "59m59.5s");
    assert_eq!(response.headers().len(), 2);
    assert_eq!(text(response).await, "Too Many Requests");
    assert!(passes(&chain, &mut from("10.0.0.1:1", "GET", "/")).await);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert!(passes(&chain, &mut exchange("GET", "/")).await);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_token_that_is_near() {
    let chain = chain(&[r#"{"rateLimit": {"average": 10, "burst": 1}}"#]);
    assert!(passes(&chain, &mut exchange("GET", "/")).await);
    tokio::time::advance(Duration::from_millis(60)).await;
    let before = tokio::time::Instant::now();
    assert!(passes(&chain, &mut exchange("GET", "/")).await);
    let waited = before.elapsed();
    assert!((Duration::from_millis(39)..=Duration::from_millis(42)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn counts_by_the_criterion() {
    let chain = chain(&[
        r#"{"rateLimit": {"average": 1, "period": "1h", "sourceCriterion": {"requestHeaderName": "X-User"}}}"#,
    ]);
    for (user, reached) in [("a", true), ("b", true), ("a", false)] {
        assert_eq!(passes(&chain, &mut with(exchange("GET", "/"), &[("x-user", user)])).await, reached);
    }
    assert!(passes(&chain, &mut exchange("GET", "/")).await);
    assert!(compile(r#"{"rateLimit": {"sourceCriterion": {"requestHost": true, "ipStrategy": {}}}}"#).is_err());
}

#[tokio::test]
async fn clients_of_whom_nothing_is_forwarded_have_a_budget_each() {
    for strategy in [r#"{"excludedIPs": ["192.0.2.0/24"]}"#, r#"{"depth": 1}"#, r#"{"depth": 1, "ipv6Subnet": 64}"#] {
        let spec = format!(
            r#"{{"rateLimit": {{"average": 1, "period": "1h", "sourceCriterion": {{"ipStrategy": {strategy}}}}}}}"#
        );
        let chain = chain(&[&spec]);
        for (peer, passed) in [("10.0.0.1:1", true), ("10.0.0.2:1", true), ("10.0.0.1:2", false)] {
            assert_eq!(passes(&chain, &mut from(peer, "GET", "/")).await, passed, "{strategy} {peer}");
        }
    }
}

#[tokio::test]
async fn a_host_is_one_however_it_is_written() {
    let chain = chain(&[r#"{"rateLimit": {"average": 1, "period": "1h", "sourceCriterion": {"requestHost": true}}}"#]);
    for (host, passed) in [
        ("a.test", true),
        ("A.test", false),
        ("a.test:81", false),
        ("a.TEST.", false),
        ("b.test", true),
        ("[::1]:1", true),
        ("[::1]", false),
    ] {
        let mut exchange = exchange("GET", "/");
        exchange.head.headers.insert("host", host.parse().unwrap());
        assert_eq!(passes(&chain, &mut exchange).await, passed, "{host}");
    }
}

#[tokio::test]
async fn no_average_is_no_limit() {
    let chain = chain(&[r#"{"rateLimit": {"burst": 1}}"#]);
    for _ in 0..10 {
        assert!(passes(&chain, &mut exchange("GET", "/")).await);
    }
}

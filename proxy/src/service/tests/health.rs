//! The health of servers: what is chosen, and what services tell each other.

use super::{World, backend};
use crate::forward::tests::{Backend, exchange, get, nobody, whole};
use crate::service::test_kit::forward;
use crate::service::{Probe, Service, ServiceError, UpstreamRecord};
use flow_model::config;
use flow_model::name::Name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The text of a response, or the error.
async fn text(service: &Service) -> String {
    match forward(service, exchange(get("/")), &mut UpstreamRecord::default()).await {
        Ok(response) => format!("{} {}", response.status().as_u16(), whole(response).await.trim_end()),
        Err(error) => error.to_string(),
    }
}

/// The answers to so many requests, and how often each came.
async fn answers(service: &Service, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        *answers.entry(text(service).await).or_default() += 1;
    }
    answers
}

fn expect(answers: &[(&str, usize)]) -> BTreeMap<String, usize> {
    answers.iter().map(|(answer, count)| ((*answer).to_owned(), *count)).collect()
}

/// A checked service over these servers, by weight, and their probes.
fn checked(world: &mut World, name: &str, servers: &[(&str, u8)], more: &str) -> (Arc<Service>, Vec<Arc<Probe>>) {
    let servers: Vec<_> =
        servers.iter().map(|(url, weight)| format!(r#"{{"url": "{url}", "weight": {weight}}}"#)).collect();
    let servers = servers.join(", ");
    let before = world.probes.len();
    let json = format!(r#"{{"loadBalancer": {{"servers": [{servers}], "healthCheck": {{"path": "/up"}} {more}}}}}"#);
    let service = world.add(name, &json);
    (service, world.probes.split_off(before))
}

#[tokio::test]
async fn a_server_that_is_down_gets_nothing_and_the_others_share_by_weight() {
    let mut world = World::new();
    let ((one, _), (two, _), (three, _)) = (backend("1", 200).await, backend("2", 200).await, backend("3", 200).await);
    let servers = [(&*one.url, 1), (&*two.url, 2), (&*three.url, 1)];
    let (service, probes) = checked(&mut world, "s", &servers, "");
    assert_eq!(answers(&service, 40).await, expect(&[("200 1", 10), ("200 2", 20), ("200 3", 10)]));
    probes[0].note(false);
    assert_eq!(answers(&service, 30).await, expect(&[("200 2", 20), ("200 3", 10)]));
    probes[1].note(false);
    probes[2].note(false);
    assert_eq!(text(&service).await, "no available server");
    probes[0].note(true);
    assert_eq!(answers(&service, 3).await, expect(&[("200 1", 3)]));
}

#[test]
fn a_sticky_client_moves_on_while_its_server_is_down() {
    for strategy in ["wrr", "p2c", "leasttime"] {
        let mut world = World::new();
        let more = format!(r#", "strategy": "{strategy}", "sticky": {{"cookie": {{"name": "c"}}}}"#);
        let servers = [("http://10.0.0.1:80", 1), ("http://10.0.0.2:80", 1)];
        let (service, probes) = checked(&mut world, "s", &servers, &more);
        let crate::service::Kind::Tracked(tracked) = &service.kind else { panic!("{service:?}") };
        let mut request = get("/");
        // sha256("http://10.0.0.1:80")
        request.headers_mut().insert("cookie", "c=df5bd2f9c0180410".parse().unwrap());
        let chosen = || {
            let client = "192.0.2.1".parse().unwrap();
            let (_, (index, cookie)) =
                tracked.attempt(request.headers(), &client, &[], std::time::Instant::now()).unwrap();
            (index, cookie.is_some())
        };
        assert_eq!(chosen(), (0, false), "{strategy}");
        probes[0].note(false);
        assert_eq!(chosen(), (1, true), "{strategy}: another one, with its cookie");
        probes[0].note(true);
        assert_eq!(chosen(), (0, false), "{strategy}");
    }
}

#[tokio::test]
async fn services_of_services_see_what_is_down() {
    let mut world = World::new();
    let ((one, _), (two, _)) = (backend("1", 200).await, backend("2", 200).await);
    let (_, first) = checked(&mut world, "a", &[(&one.url, 1)], "");
    let (_, second) = checked(&mut world, "b", &[(&two.url, 1)], "");
    let both = r#""services": [{"name": "a"}, {"name": "b"}], "healthCheck": {}"#;
    let weighted = world.add("w", &format!(r#"{{"weighted": {{{both}}}}}"#));
    let hashed = world.add("h", &format!(r#"{{"highestRandomWeight": {{{both}}}}}"#));
    let failover = world.add("f", r#"{"failover": {"service": "a", "fallback": "b", "healthCheck": {}}}"#);
    let mirroring = world.add("m", r#"{"mirroring": {"service": "a", "healthCheck": {}}}"#);
    // Everything at once, the weighted one first.
    let nested = world.add("n", r#"{"failover": {"service": "m", "fallback": "w"}}"#);
    assert_eq!(answers(&weighted, 4).await, expect(&[("200 1", 2), ("200 2", 2)]));
    assert_eq!([text(&failover).await, text(&nested).await], ["200 1", "200 1"]);
    first[0].note(false);
    for service in [&weighted, &hashed, &failover, &nested] {
        assert_eq!(answers(service, 4).await, expect(&[("200 2", 4)]), "{}", service.name());
    }
    assert_eq!(text(&mirroring).await, "no available server");
    second[0].note(false);
    for service in [&weighted, &hashed, &mirroring] {
        assert_eq!(text(service).await, "no available server");
    }
    for service in [&failover, &nested] {
        // Its fallback is asked, or both are known to be down.
        assert!(["503 Service Unavailable", "no available server"].contains(&&*text(service).await));
    }
    assert_eq!(text(&failover).await, "503 Service Unavailable");
    second[0].note(true);
    assert_eq!(answers(&weighted, 2).await, expect(&[("200 2", 2)]));
}

#[test]
fn what_cannot_tell_of_its_state_cannot_be_relied_on() {
    let mut world = World::new();
    world.add_server("plain", "http://10.0.0.1:80");
    world.add("p2c", r#"{"loadBalancer": {"strategy": "p2c", "passiveHealthCheck": {}}}"#);
    world.add("w", r#"{"weighted": {"services": [{"name": "plain"}]}}"#);
    checked(&mut world, "checked", &[("http://10.0.0.1:80", 1)], "");
    for name in ["plain", "p2c", "w"] {
        for json in [
            format!(
                r#"{{"weighted": {{"services": [{{"name": "checked"}}, {{"name": "{name}"}}], "healthCheck": {{}}}}}}"#
            ),
            format!(r#"{{"highestRandomWeight": {{"services": [{{"name": "{name}"}}], "healthCheck": {{}}}}}}"#),
            format!(r#"{{"mirroring": {{"service": "{name}", "healthCheck": {{}}}}}}"#),
            format!(r#"{{"failover": {{"service": "{name}", "fallback": "checked"}}}}"#),
            format!(r#"{{"failover": {{"service": "checked", "fallback": "{name}", "healthCheck": {{}}}}}}"#),
        ] {
            let config: config::Service = serde_json::from_str(&json).unwrap();
            let refused = Service::compile(&Name::from("x"), &Arc::new(config), &mut world, None).unwrap_err();
            assert_eq!(refused, ServiceError::NoHealth(name.into()), "{json}");
        }
    }
    let wrong = r#"{"loadBalancer": {"healthCheck": {"path": "http://elsewhere.test/"}}}"#;
    let config: config::Service = serde_json::from_str(wrong).unwrap();
    let refused = Service::compile(&Name::from("x"), &Arc::new(config), &mut world, None).unwrap_err();
    assert!(matches!(refused, ServiceError::HealthCheck(_)), "{refused}");
}

#[tokio::test]
async fn failures_of_requests_take_a_server_out() {
    let (works, _) = backend("works", 200).await;
    for (bad, count) in [(backend("bad", 500).await.0.url, 2), (nobody().await, 0)] {
        let json = format!(
            r#"{{"loadBalancer": {{"servers": [{{"url": "{bad}"}}, {{"url": "{}"}}],
                "passiveHealthCheck": {{"maxFailedAttempts": 2, "failureWindow": "1h"}}}}}}"#,
            works.url
        );
        let service = World::new().add("s", &json);
        let got = answers(&service, 20).await;
        assert_eq!(got.get("500 bad").copied().unwrap_or_default(), count);
        assert_eq!(got.get("200 works"), Some(&(20 - count)));
        let states: Vec<_> = service.servers(std::time::Instant::now()).into_iter().map(|(_, is_up)| is_up).collect();
        assert_eq!(states, [false, true]);
    }
    let only = format!(
        r#"{{"loadBalancer": {{"servers": [{{"url": "{}"}}], "passiveHealthCheck": {{"failureWindow": "1h"}}}}}}"#,
        nobody().await
    );
    let service = World::new().add("s", &only);
    assert!(text(&service).await.starts_with("cannot connect"));
    assert_eq!(text(&service).await, "no available server");
}

#[tokio::test]
async fn a_check_ends_what_failures_began() {
    let mut world = World::new();
    let flaky = Backend::run(|mut peer, _| async move {
        for status in [500, 200, 200] {
            peer.head().await.unwrap();
            peer.write(&format!("HTTP/1.1 {status} Any\r\nContent-Length: 0\r\n\r\n")).await;
        }
        peer.closed().await;
    })
    .await;
    let more = r#", "passiveHealthCheck": {"failureWindow": "1ms"}"#;
    let (service, probes) = checked(&mut world, "s", &[(&flaky.url, 1)], more);
    assert_eq!(text(&service).await, "500 ");
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(text(&service).await, "no available server", "the window says nothing where there are checks");
    probes[0].note(true);
    assert_eq!(text(&service).await, "200 ");
}

#[test]
fn a_net_of_services_is_looked_at_once() {
    let mut world = World::new();
    let (_, first) = checked(&mut world, "0a", &[("http://10.0.0.1:80", 1)], "");
    let (_, second) = checked(&mut world, "0b", &[("http://10.0.0.2:80", 1)], "");
    let mut last = None;
    for level in 1..40 {
        for side in ["a", "b"] {
            let below = level - 1;
            let both = format!(r#"[{{"name": "{below}a"}}, {{"name": "{below}b"}}]"#);
            let json = format!(r#"{{"weighted": {{"services": {both}, "healthCheck": {{}}}}}}"#);
            last = Some(world.add(&format!("{level}{side}"), &json));
        }
    }
    let (top, now) = (last.unwrap(), std::time::Instant::now());
    // There are 2^39 ways down.
    assert_eq!(top.leaves.as_ref().unwrap().len(), 2);
    assert!(top.is_up(now));
    first[0].note(false);
    assert!(top.is_up(now));
    second[0].note(false);
    assert!(!top.is_up(now));
}

#![allow(clippy::unwrap_used, reason = "tests")]
//! Strategies without sending.

use super::server::InFlight;
use super::{Server, Tracked};
use crate::service::Kind;
use crate::service::tests::World;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn with(service: &crate::service::Service, test: impl FnOnce(&Tracked)) {
    match &service.kind {
        Kind::Tracked(tracked) => test(tracked),
        other => panic!("{other:?}"),
    }
}

const SERVERS: &str = r#"[
    {"url": "http://10.0.0.1:80", "weight": 3}, {"url": "http://10.0.0.2:80"}, {"url": "http://10.0.0.3:80", "weight": 0},
    {"url": "http://10.0.0.4:80", "fenced": true}
]"#;

fn balancer(strategy: &str, more: &str) -> Arc<crate::service::Service> {
    let json = format!(r#"{{"loadBalancer": {{"strategy": "{strategy}", "servers": {SERVERS} {more}}}}}"#);
    World::new().add("s@file", &json)
}

fn choose(tracked: &Tracked, client: &str, cookie: Option<&str>) -> (String, Option<HeaderValue>) {
    let mut headers = HeaderMap::new();
    headers.extend(cookie.map(|cookie| (http::header::COOKIE, HeaderValue::from_str(cookie).unwrap())));
    let client = HeaderValue::from_str(client).unwrap();
    let (index, cookie) = tracked.choose(&headers, &client, &[], Instant::now()).unwrap();
    (tracked.balancer.endpoints()[index].url().to_owned(), cookie)
}

/// Puts so many requests in flight at a server.
fn busy(server: &Server, count: usize) -> Vec<InFlight> {
    (0..count).map(|_| InFlight::new(&server.state)).collect()
}

#[test]
fn of_two_the_one_with_fewer_requests_in_flight() {
    with(&balancer("p2c", ""), |tracked| {
        // Weights say nothing, not even zero; the fenced one is for its own clients.
        assert_eq!(tracked.servers.len(), 4);
        let mut shares = [0; 4];
        for _ in 0..3_000 {
            let (url, _) = choose(tracked, "192.0.2.1", None);
            shares[url.as_bytes()["http://10.0.0.".len()] as usize - usize::from(b'1')] += 1;
        }
        assert!(shares[..3].iter().all(|share| (800..1_200).contains(share)) && shares[3] == 0, "{shares:?}");
        let _requests = [busy(&tracked.servers[0], 2), busy(&tracked.servers[2], 1)];
        let three = |index: usize| index < 3;
        for (random, expected) in [([0, 0], 1), ([1, 0], 1), ([2, 1], 1), ([0, 1], 2), ([2, 0], 2)] {
            let turn = std::cell::Cell::new(0);
            let random = |range: std::ops::Range<usize>| {
                turn.set(turn.get() + 1);
                random[turn.get() - 1].min(range.end - 1)
            };
            assert_eq!(tracked.freer_of_two(three, random), Some(expected));
        }
    });
}

#[test]
fn a_client_keeps_its_server_by_its_address() {
    with(&balancer("hrw", r#", "sticky": {"cookie": {"name": "c"}}"#), |tracked| {
        let mut seen = std::collections::BTreeSet::new();
        for client in 0..200 {
            let client = format!("198.51.100.{client}");
            let (first, cookie) = choose(tracked, &client, None);
            assert_eq!((choose(tracked, &client, None).0, cookie), (first.clone(), None));
            seen.insert(first);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["http://10.0.0.1:80", "http://10.0.0.2:80"]);
    });
}

#[test]
fn the_server_that_responds_soonest_for_its_weight_and_load() {
    with(&balancer("leasttime", ""), |tracked| {
        let url = || choose(tracked, "192.0.2.1", None).0;
        let turns: Vec<_> = (0..8).map(|_| url()).collect();
        assert_eq!(turns.iter().filter(|url| url.ends_with("1:80")).count(), 6, "by weight while nothing is known");
        tracked.servers[0].state.times.add(Duration::from_millis(30));
        tracked.servers[1].state.times.add(Duration::from_millis(11));
        assert_eq!(url(), "http://10.0.0.1:80", "30 for a weight of 3");
        let one = busy(&tracked.servers[0], 1);
        assert_eq!(url(), "http://10.0.0.2:80");
        drop(one);
        assert_eq!(url(), "http://10.0.0.1:80");
    });
}

#[test]
fn sticky_clients_keep_their_server_even_a_fenced_one() {
    for strategy in ["p2c", "leasttime"] {
        with(&balancer(strategy, r#", "sticky": {"cookie": {"name": "c"}}"#), |tracked| {
            let (_, cookie) = choose(tracked, "192.0.2.1", None);
            assert!(cookie.unwrap().to_str().unwrap().starts_with("c="), "{strategy}");
            for server in ["http://10.0.0.1:80", "http://10.0.0.4:80"] {
                let (url, cookie) = choose(tracked, "192.0.2.1", Some(&format!("c={server}")));
                assert_eq!(url, server);
                assert!(cookie.is_some(), "the value has an older form");
            }
        });
    }
}

#[test]
fn another_server_is_none_of_those_tried() {
    for strategy in ["p2c", "hrw", "leasttime"] {
        with(&balancer(strategy, ""), |tracked| {
            let client = HeaderValue::from_static("192.0.2.1");
            let last = tracked.servers.len() - 1;
            let others: Vec<usize> = (0..last).filter(|index| *index != 1).collect();
            assert_eq!(tracked.next(&client, &others, Instant::now()).map(|(index, _)| index), Some(1), "{strategy}");
            assert!(
                tracked.next(&client, &(0..last).collect::<Vec<_>>(), Instant::now()).is_none(),
                "the last one is fenced"
            );
        });
    }
}

#[test]
fn the_state_of_a_server_outlives_a_change_of_the_others() {
    let mut world = World::new();
    let kind = |urls: &[&str]| {
        let servers: Vec<_> = urls.iter().map(|url| format!(r#"{{"url": "http://{url}"}}"#)).collect();
        let json = format!(r#"{{"loadBalancer": {{"strategy": "p2c", "servers": [{}]}}}}"#, servers.join(", "));
        serde_json::from_str::<flow_model::config::Service>(&json).unwrap().kind
    };
    let before = world.compile("s@file", kind(&["a:80", "b:80"]), None);
    let same = world.compile("s@file", kind(&["a:80", "b:80"]), Some(&before));
    assert!(Arc::ptr_eq(&before, &same));
    let after = world.compile("s@file", kind(&["c:80", "b:80"]), Some(&before));
    assert!(Arc::ptr_eq(&before.endpoints()[1], &after.endpoints()[1]), "its connections");
    with(&before, |before| {
        let _requests = busy(&before.servers[1], 7);
        with(&after, |after| {
            assert_eq!([0, 1].map(|index| after.servers[index].state.in_flight()), [0, 7]);
        });
    });
    let plain = r#"{"loadBalancer": {"servers": [{"url": "http://b:80"}]}}"#;
    let plain = serde_json::from_str::<flow_model::config::Service>(plain).unwrap().kind;
    let plain = world.compile("s@file", plain, Some(&after));
    assert!(Arc::ptr_eq(&plain.endpoints()[0], &after.endpoints()[1]), "another strategy, the same connections");
}

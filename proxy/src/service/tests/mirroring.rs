//! Mirroring over real sockets.

use super::{Requests, World, backend};
use crate::forward::tests::{Backend, data, exchange, fed, get, post, whole};
use crate::service::test_kit::forward;
use crate::service::{Service, ServiceError, UpstreamRecord};
use flow_middleware::{Body, Interim};
use flow_model::config;
use flow_model::name::Name;
use http::Request;
use std::sync::Arc;
use std::time::Duration;

/// A service `main` with mirrors of these percentages, and the requests that each of them got.
struct Fixture {
    service: Arc<Service>,
    main: Requests,
    mirrors: Vec<Requests>,
    /// They go on until the fixture is dropped.
    _backends: Vec<Backend>,
}

impl Fixture {
    async fn new(percentages: &[u8], options: &str) -> Self {
        let mut world = World::new();
        let (backend_of_main, main) = backend("main", 200).await;
        world.add_server("main", &backend_of_main.url);
        let (mut mirrors, mut backends, mut entries) = (Vec::new(), vec![backend_of_main], Vec::new());
        for (index, percent) in percentages.iter().enumerate() {
            let (backend, requests) = backend("mirror", 500).await;
            world.add_server(&format!("m{index}"), &backend.url);
            entries.push(format!(r#"{{"name": "m{index}", "percent": {percent}}}"#));
            mirrors.push(requests);
            backends.push(backend);
        }
        let entries = entries.join(", ");
        let json = format!(r#"{{"mirroring": {{"service": "main", "mirrors": [{entries}] {options}}}}}"#);
        Self { service: world.add("s", &json), main, mirrors, _backends: backends }
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = forward(&self.service, exchange(request), &mut UpstreamRecord::default()).await.unwrap();
        (response.status().as_u16(), whole(response).await)
    }
}

/// Waits until `requests` has so many.
async fn until(requests: &Requests, count: usize) {
    let reached = async {
        while requests.lock().len() < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
}

#[tokio::test]
async fn a_mirror_gets_its_share_and_no_say() {
    let fixture = Fixture::new(&[50, 100, 0], "").await;
    for _ in 0..10 {
        assert_eq!(fixture.send(post("/x?y", "the body")).await, (200, "main".to_owned()));
    }
    for (mirror, count) in fixture.mirrors.iter().zip([5, 10, 0]) {
        until(mirror, count).await;
    }
    let expected = fixture.main.lock()[0].clone();
    assert!(expected.starts_with("POST /x?y HTTP/1.1") && expected.ends_with("\r\n\r\nthe body"), "{expected}");
    for mirror in &fixture.mirrors {
        assert!(mirror.lock().iter().all(|request| *request == expected));
    }
    assert!(fixture.mirrors[2].lock().is_empty());
}

#[tokio::test]
async fn a_longer_body_than_the_limit_is_not_mirrored() {
    let fixture = Fixture::new(&[100], r#", "maxBodySize": 4"#).await;
    let (sender, streamed) = fed();
    for piece in ["123", "45"] {
        sender.send(data(piece)).unwrap();
    }
    drop(sender);
    let mut streamed = post("/", streamed);
    streamed.headers_mut().insert("content-length", "5".parse().unwrap());
    for request in [post("/", "12345"), streamed, post("/", "1234")] {
        assert_eq!(fixture.send(request).await.0, 200);
    }
    until(&fixture.mirrors[0], 1).await;
    let bodies: Vec<_> =
        fixture.main.lock().iter().map(|request| request.split("\r\n\r\n").nth(1).unwrap().to_owned()).collect();
    assert_eq!(bodies, ["12345", "12345", "1234"]);
    assert!(fixture.mirrors[0].lock()[0].ends_with("\r\n\r\n1234"));
}

#[tokio::test]
async fn a_mirror_may_go_without_the_body() {
    let fixture = Fixture::new(&[100], r#", "mirrorBody": false"#).await;
    let mut request = post("/", "12345");
    request.headers_mut().insert("content-length", "5".parse().unwrap());
    assert_eq!(fixture.send(request).await.0, 200);
    until(&fixture.mirrors[0], 1).await;
    assert!(fixture.main.lock()[0].ends_with("12345"));
    assert!(fixture.mirrors[0].lock()[0].contains("Content-Length: 0\r\n"));
}

#[tokio::test]
async fn a_mirror_that_hangs_delays_nobody_and_holds_no_more_than_may_be() {
    let mut world = World::new();
    let (main, _) = backend("main", 200).await;
    let hanging = Backend::run(|mut peer, _| async move { peer.closed().await }).await;
    let (works, mirrored) = backend("works", 200).await;
    world.add_server("main", &main.url);
    world.add_server("hangs", &hanging.url);
    world.add_server("works", &works.url);
    let mirrors = r#"[{"name": "hangs", "percent": 100}, {"name": "works", "percent": 100}]"#;
    let service = world.add("s", &format!(r#"{{"mirroring": {{"service": "main", "mirrors": {mirrors}}}}}"#));
    let begun = std::time::Instant::now();
    let total = super::super::mirroring::IN_FLIGHT + 50;
    for _ in 0..total {
        let response = forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
        assert_eq!(whole(response).await, "main");
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    until(&mirrored, total).await;
    assert!(hanging.connections() <= super::super::mirroring::IN_FLIGHT, "{}", hanging.connections());
}

#[tokio::test]
async fn interim_responses_of_a_mirror_go_nowhere() {
    let mut world = World::new();
    let (main, _) = backend("main", 200).await;
    let early = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    world.add_server("main", &main.url);
    world.add_server("early", &early.url);
    let service =
        world.add("s", r#"{"mirroring": {"service": "main", "mirrors": [{"name": "early", "percent": 100}]}}"#);
    let mut request = exchange(get("/"));
    let interim = Arc::default();
    request.interim = Some(Interim::new(&interim, 0));
    let response = forward(&service, request, &mut UpstreamRecord::default()).await.unwrap();
    assert_eq!(whole(response).await, "main");
    while early.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(Arc::strong_count(&interim), 1, "the mirror has no hold of it");
    assert!(!interim.is_waiting());
}

#[test]
fn a_share_beyond_all_is_refused() {
    let mut world = World::new();
    world.add_server("a", "http://10.0.0.1:80");
    for percent in [-1, 101] {
        let mirrors = format!(r#"[{{"name": "a", "percent": {percent}}}]"#);
        let json = format!(r#"{{"mirroring": {{"service": "a", "mirrors": {mirrors}}}}}"#);
        let config: config::Service = serde_json::from_str(&json).unwrap();
        let refused = Service::compile(&Name::from("s"), &Arc::new(config), &mut world, None).unwrap_err();
        assert_eq!(refused, ServiceError::Percent(percent));
    }
}

#[tokio::test]
async fn mirrors_of_mirrors_do_not_multiply_without_end() {
    let mut world = World::new();
    let (leaf, requests) = backend("leaf", 200).await;
    world.add_server("n10", &leaf.url);
    let mirroring = |next| {
        format!(r#"{{"mirroring": {{"service": "n{next}", "mirrors": [{{"name": "n{next}", "percent": 100}}]}}}}"#)
    };
    let service = (0..10).rev().map(|n| world.add(&format!("n{n}"), &mirroring(n + 1))).last().unwrap();
    forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
    let all = super::super::mirroring::MAX_COPIES as usize + 1;
    until(&requests, all).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(requests.lock().len(), all, "and not 1,024");
}

#[tokio::test]
async fn what_is_in_flight_outlives_a_change() {
    let mut world = World::new();
    let (main, _) = backend("main", 200).await;
    let hanging = Backend::run(|mut peer, _| async move { peer.closed().await }).await;
    for (name, url) in [("main", &main.url), ("other", &main.url), ("held", &hanging.url)] {
        world.add_server(name, url);
    }
    let json = |percent: u8| {
        let other = format!(r#"{{"name": "other", "percent": {percent}}}"#);
        format!(r#"{{"mirroring": {{"service": "main", "mirrors": [{other}, {{"name": "held", "percent": 100}}]}}}}"#)
    };
    let mirroring = |service: &Service| match &service.kind {
        crate::service::Kind::Mirroring(mirroring) => mirroring.in_flight(),
        other => panic!("{other:?}"),
    };
    let before = world.add("s", &json(0));
    forward(&before, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
    assert_eq!(mirroring(&before), [0, 1]);
    let config = serde_json::from_str::<config::Service>(&json(10)).unwrap().kind;
    let after = world.compile("s", config, Some(&before));
    assert_eq!(mirroring(&after), [0, 1]);
}

#[test]
fn the_count_outlives_a_change() {
    let mut world = World::new();
    world.add_server("a", "http://10.0.0.1:80");
    let json = |percent: u8| {
        format!(r#"{{"mirroring": {{"service": "a", "mirrors": [{{"name": "a", "percent": {percent}}}]}}}}"#)
    };
    let config = |percent| serde_json::from_str::<config::Service>(&json(percent)).unwrap().kind;
    let before = world.add("s", &json(50));
    let same = world.compile("s", config(50), Some(&before));
    assert!(Arc::ptr_eq(&before, &same));
    let chosen = |service: &Service| match &service.kind {
        crate::service::Kind::Mirroring(mirroring) => mirroring.choose().len(),
        other => panic!("{other:?}"),
    };
    assert_eq!([chosen(&before), chosen(&before), chosen(&before)], [1, 0, 1]);
    let after = world.compile("s", config(34), Some(&before));
    // 34 % of four requests are two, of three two.
    assert_eq!(chosen(&after), 0);
}

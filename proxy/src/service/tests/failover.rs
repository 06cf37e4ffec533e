//! Failover by status, over real sockets.

use super::{World, backend};
use crate::forward::tests::{data, exchange, fed, get, nobody, post, whole};
use crate::service::test_kit::forward;
use crate::service::{Service, ServiceError, UpstreamRecord};
use flow_middleware::Body;
use flow_model::config;
use flow_model::name::Name;
use http::{Request, Response};
use std::sync::Arc;

async fn send(service: &Service, request: Request<Body>) -> (Response<Body>, UpstreamRecord) {
    let mut record = UpstreamRecord::default();
    let response = forward(service, exchange(request), &mut record).await.unwrap();
    (response, record)
}

fn failover(world: &mut World, options: &str) -> Arc<Service> {
    world.add("f", &format!(r#"{{"failover": {{"service": "main", "fallback": "other", {options}}}}}"#))
}

const SERVER_ERRORS: &str = r#""errors": {"status": ["500-504", "404"]}"#;

#[tokio::test]
async fn the_fallback_responds_in_place_of_an_error() {
    for (status, by) in [(200, "main"), (403, "main"), (404, "other"), (500, "other"), (504, "other"), (505, "main")] {
        let mut world = World::new();
        let (main, asked) = backend("main", status).await;
        let (other, also_asked) = backend("other", 201).await;
        world.add_server("main", &main.url);
        world.add_server("other", &other.url);
        let service = failover(&mut world, SERVER_ERRORS);
        let (response, record) = send(&service, post("/x", "the body")).await;
        assert_eq!(record.service.as_deref(), Some(by), "{status}");
        assert_eq!(response.status().as_u16(), if by == "main" { status } else { 201 });
        assert_eq!(whole(response).await, by);
        assert!(asked.lock()[0].ends_with("\r\n\r\nthe body"));
        let expected = usize::from(by == "other");
        assert_eq!(also_asked.lock().len(), expected);
        assert!(
            also_asked.lock().iter().all(|request| request.starts_with("POST /x ") && request.ends_with("the body"))
        );
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_has_failed() {
    let mut world = World::new();
    let (other, _) = backend("other", 200).await;
    world.add_server("main", &nobody().await);
    world.add_server("other", &other.url);
    let service = failover(&mut world, SERVER_ERRORS);
    let (response, record) = send(&service, get("/")).await;
    assert_eq!((response.status().as_u16(), record.attempts), (200, 2));
    // One without servers is 503, which is in the range too.
    let mut world = World::new();
    world.add("main", r#"{"loadBalancer": {}}"#);
    world.add_server("other", &other.url);
    let service = failover(&mut world, SERVER_ERRORS);
    assert_eq!(send(&service, get("/")).await.0.status(), 200);
    let service = failover(&mut world, r#""errors": {"status": ["500"]}"#);
    let error = forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "no available server");
}

#[tokio::test]
async fn a_longer_body_than_may_be_kept_is_refused() {
    let mut world = World::new();
    let (main, asked) = backend("main", 200).await;
    world.add_server("main", &main.url);
    world.add_server("other", &main.url);
    let service = failover(&mut world, r#""errors": {"status": ["500"], "maxRequestBodyBytes": 4}"#);
    let (sender, streamed) = fed();
    for piece in ["123", "45"] {
        sender.send(data(piece)).unwrap();
    }
    for body in [Body::from("12345"), streamed] {
        let (response, _) = send(&service, post("/", body)).await;
        assert_eq!(response.status(), 413);
        assert_eq!(whole(response).await, "Request body too large\n");
    }
    assert!(asked.lock().is_empty());
    assert_eq!(send(&service, post("/", "1234")).await.0.status(), 200);
}

#[tokio::test]
async fn failovers_may_be_nested() {
    let mut world = World::new();
    let (broken, _) = backend("broken", 500).await;
    let (works, _) = backend("works", 200).await;
    world.add_server("one", &broken.url);
    world.add_server("two", &broken.url);
    world.add_server("three", &works.url);
    world.add("inner", r#"{"failover": {"service": "one", "fallback": "two", "errors": {"status": ["500"]}}}"#);
    world.add("weighted", r#"{"weighted": {"services": [{"name": "inner"}], "sticky": {"cookie": {"name": "w"}}}}"#);
    let outer = r#"{"failover": {"service": "weighted", "fallback": "three", "errors": {"status": ["500"]}}}"#;
    let service = world.add("outer", outer);
    let (response, record) = send(&service, post("/", "again and again")).await;
    assert_eq!((response.status().as_u16(), record.attempts), (200, 3));
    assert!(!response.headers().contains_key("set-cookie"), "the cookie of what failed goes with it");
}

#[test]
fn what_does_not_hold_is_refused() {
    let mut world = World::new();
    for name in ["main", "other"] {
        world.add_server(name, "http://10.0.0.1:80");
    }
    let mut refused = |json: &str| {
        let config: config::Service = serde_json::from_str(json).unwrap();
        Service::compile(&Name::from("f"), &Arc::new(config), &mut world, None).unwrap_err()
    };
    let never = refused(r#"{"failover": {"service": "main", "fallback": "other"}}"#);
    assert_eq!(never, ServiceError::NoHealth("main".into()));
    let wrong = refused(r#"{"failover": {"service": "main", "fallback": "other", "errors": {"status": ["5xx"]}}}"#);
    assert!(wrong.to_string().contains("5xx"), "{wrong}");
    let missing = refused(r#"{"failover": {"service": "main", "fallback": "x", "errors": {"status": ["500"]}}}"#);
    assert_eq!(missing, ServiceError::UnknownService("x".into()));
}

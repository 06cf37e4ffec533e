//! Requests in flight and times, over real sockets.

use super::{World, backend};
use crate::forward::tests::{Backend, exchange, get, nobody, whole};
use crate::service::UpstreamRecord;
use crate::service::test_kit::forward;
use std::time::Duration;

#[tokio::test]
async fn a_request_is_in_flight_until_its_response_has_ended() {
    let slow = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").await;
            peer.closed().await;
        }
    })
    .await;
    let (fast, _) = backend("fast", 200).await;
    let json = format!(
        r#"{{"loadBalancer": {{"strategy": "p2c", "servers": [{{"url": "{}"}}, {{"url": "{}"}}]}}}}"#,
        slow.url, fast.url
    );
    let service = World::new().add("s", &json);
    // Until the slow one is chosen, and its response does not end.
    let held = loop {
        let response = forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
        if response.headers()["content-length"] == "4" && slow.connections() == 1 {
            break response;
        }
        whole(response).await;
    };
    for _ in 0..20 {
        let mut record = UpstreamRecord::default();
        let response = forward(&service, exchange(get("/")), &mut record).await.unwrap();
        assert_eq!(record.endpoint.unwrap().url(), fast.url);
        assert_eq!(whole(response).await, "fast");
    }
    drop(held);
}

#[tokio::test]
async fn the_slower_server_gets_less() {
    let slow = Backend::run(|mut peer, _| async move {
        while peer.head().await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let (fast, requests) = backend("fast", 200).await;
    let json = format!(
        r#"{{"loadBalancer": {{"strategy": "leasttime", "servers": [{{"url": "{}"}}, {{"url": "{}"}}]}}}}"#,
        slow.url, fast.url
    );
    let service = World::new().add("s", &json);
    for _ in 0..50 {
        let response = forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
        whole(response).await;
    }
    assert!(requests.lock().len() >= 45, "{}", requests.lock().len());
}

#[tokio::test]
async fn an_absent_server_is_passed_over() {
    let (works, _) = backend("works", 200).await;
    for strategy in ["p2c", "hrw", "leasttime"] {
        let json = format!(
            r#"{{"loadBalancer": {{"strategy": "{strategy}", "servers": [{{"url": "{}"}}, {{"url": "{}"}}]}}}}"#,
            nobody().await,
            works.url
        );
        let service = World::new().add("s", &json);
        for _ in 0..8 {
            let response = forward(&service, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap();
            assert_eq!(whole(response).await, "works", "{strategy}");
        }
    }
    let none = World::new().add("s", r#"{"loadBalancer": {"strategy": "p2c"}}"#);
    let error = forward(&none, exchange(get("/")), &mut UpstreamRecord::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "no available server");
}

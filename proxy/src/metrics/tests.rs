#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use http::{HeaderMap, Method};
use std::time::Duration;

fn sample(method: &Method, code: u16) -> Sample<'_> {
    Sample {
        code,
        method,
        protocol: Protocol::Http,
        duration: Duration::from_millis(200),
        request_bytes: 5,
        response_bytes: 1024,
        tls: Some(("1.3", "TLS_AES_128_GCM_SHA256")),
    }
}

#[test]
fn exchanges_show_under_the_known_names() {
    let metrics = Metrics::new(&Options { routers: true, ..Options::default() }).unwrap();
    let series = metrics.router("r@kubernetes", "s@kubernetes").unwrap();
    series.record(&sample(&Method::GET, 200));
    series.record(&sample(&Method::GET, 200));
    series.record(&sample(&Method::from_bytes(b"BREW").unwrap(), 418));
    let text = metrics.render().unwrap();
    let labels = r#"{code="200",method="GET",protocol="http",router="r@kubernetes",service="s@kubernetes"}"#;
    for line in [
        format!("traefik_router_requests_total{labels} 2"),
        format!("traefik_router_requests_bytes_total{labels} 10"),
        format!("traefik_router_responses_bytes_total{labels} 2048"),
        format!("traefik_router_request_duration_seconds_count{labels} 2"),
        r#"method="EXTENSION_METHOD""#.to_owned(),
        r#"tls_cipher="TLS_AES_128_GCM_SHA256",tls_version="1.3"} 3"#.to_owned(),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[test]
fn series_of_a_vanished_object_are_shown_once_more() {
    let metrics = Metrics::new(&Options::default()).unwrap();
    metrics.service("gone@kubernetes").unwrap().record(&sample(&Method::GET, 200));
    let kept = metrics.service("kept@kubernetes").unwrap();
    kept.record(&sample(&Method::GET, 200));
    assert!(metrics.render().unwrap().contains("gone@kubernetes"));
    let text = metrics.render().unwrap();
    assert!(!text.contains("gone@kubernetes") && text.contains("kept@kubernetes"));
}

#[test]
fn an_object_that_came_back_keeps_its_series() {
    let metrics = Metrics::new(&Options::default()).unwrap();
    metrics.service("back@kubernetes").unwrap().record(&sample(&Method::GET, 200));
    let again = metrics.service("back@kubernetes").unwrap();
    again.record(&sample(&Method::GET, 200));
    metrics.render().unwrap();
    assert!(metrics.render().unwrap().contains(r#"service="back@kubernetes"} 2"#));
}

#[test]
fn kinds_of_exchanges_are_told_apart() {
    for (name, value, wanted) in [
        ("upgrade", "WebSocket", "websocket"),
        ("accept", "text/event-stream", "sse"),
        ("content-type", "application/grpc+proto", "grpc"),
        ("content-type", "application/grpc-web-text", "grpc-web"),
        ("content-type", "text/plain", "http"),
    ] {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(Protocol::of(&headers).label(), wanted, "{name}: {value}");
    }
}

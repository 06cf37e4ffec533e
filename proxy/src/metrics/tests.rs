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
        headers: &[],
    }
}

#[test]
fn labels_come_from_headers_as_in_traefik() {
    let label = |label: &str, header| (label.to_owned(), HeaderName::from_static(header));
    let header_labels = vec![label("agent", "user-agent"), label("team", "x-team")];
    let metrics = Metrics::new(&Options { header_labels: header_labels.clone(), ..Options::default() }).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", "curl/8".parse().unwrap());
    let values = metrics.header_labels().unwrap().values(&headers);
    let series = metrics.service("s@kubernetes").unwrap();
    for _ in 0..2 {
        series.record(&Sample { headers: &values, ..sample(&Method::GET, 200) });
    }
    let text = metrics.render().unwrap();
    for line in [
        r#"traefik_service_requests_total{agent="curl/8",code="200",method="GET",protocol="http",service="s@kubernetes",team=""} 2"#,
        r#"traefik_service_responses_bytes_total{code="200",method="GET",protocol="http",service="s@kubernetes"} 2048"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    drop(series);
    metrics.render().unwrap();
    assert!(!metrics.render().unwrap().contains("curl/8"), "series of vanished objects go, all of them");
    for wrong in [label("code", "x"), label("not a label", "x"), label("service", "x")] {
        assert!(Metrics::new(&Options { header_labels: vec![wrong], ..Options::default() }).is_err());
    }
    assert!(Metrics::new(&Options::default()).unwrap().header_labels().is_none());
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
fn a_route_has_counters_once_it_was_asked_for_and_its_successor_goes_on_with_them() {
    let metrics = Arc::new(Metrics::new(&Options { routers: true, ..Options::default() }).unwrap());
    let (router, service) = (Name::from("r@kubernetes"), Name::from("s@kubernetes"));
    let counted = Counted { router: &router, service: &service, internal: false };
    let text = || metrics.render().unwrap();
    let first = RouteSeries::new(&metrics, counted);
    assert!(!metrics.is_counted(&router, &service));
    first.record(counted, None, &sample(&Method::GET, 200));
    let second = RouteSeries::new(&metrics, counted);
    drop(first);
    text();
    second.record(counted, None, &sample(&Method::GET, 200));
    let shown = text();
    assert!(shown.contains(r#"router="r@kubernetes",service="s@kubernetes"} 2"#), "{shown}");
    assert!(shown.contains(r#"protocol="http",service="s@kubernetes"} 2"#), "{shown}");

    let own = Counted { router: &Name::from("api@internal"), internal: true, ..counted };
    drop(second);
    text();
    RouteSeries::new(&metrics, own).record(own, None, &sample(&Method::GET, 200));
    let shown = text();
    assert!(shown.contains("api@internal") && !shown.contains(r#"protocol="http",service="#), "{shown}");
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

#[test]
fn certificates_and_findings_stay_while_others_change() {
    let certificate = |name: &str, not_after| {
        Arc::new(CertificateInfo {
            origin: "default-a".into(),
            names: vec![name.to_owned(), "b.test".to_owned()],
            common_name: name.to_owned(),
            serial: "7".to_owned(),
            issuer: "ca".to_owned(),
            not_before: 0,
            not_after,
        })
    };
    let metrics = Metrics::new(&Options::default()).unwrap();
    let line = |start: &str| metrics.render().unwrap().lines().find(|line| line.starts_with(start)).map(str::to_owned);
    let (a, c) = (certificate("a.test", 1000), certificate("c.test", 2000));
    metrics.certificates(&[], &[Arc::clone(&a)]);
    metrics.certificates(&[a], &[certificate("a.test", 3000), Arc::clone(&c)]);
    let wanted = "traefik_tls_certs_not_after{cn=\"a.test\",sans=\"a.test,b.test\",serial=\"7\"} 3000";
    assert_eq!(line("traefik_tls_certs_not_after{cn=\"a.test\"").as_deref(), Some(wanted));
    metrics.certificates(&[certificate("a.test", 3000), Arc::clone(&c)], &[c]);
    assert_eq!(line("traefik_tls_certs_not_after{cn=\"a.test\""), None);
    assert!(line("traefik_tls_certs_not_after{cn=\"c.test\"").is_some());

    metrics.reloaded(SystemTime::now(), [("Ingress", "error"), ("Ingress", "error"), ("router", "warning")]);
    metrics.reloaded(SystemTime::now(), [("Ingress", "error")]);
    assert_eq!(
        line("flow_proxy_diagnostics").as_deref(),
        Some("flow_proxy_diagnostics{kind=\"Ingress\",severity=\"error\"} 1")
    );
    assert!(line("flow_proxy_diagnostics{kind=\"router\"").is_none());
}

#[test]
fn a_service_of_services_is_counted_where_its_requests_went() {
    let metrics = Arc::new(Metrics::new(&Options { routers: true, ..Options::default() }).unwrap());
    let (router, service) = (Name::from("r@file"), Name::from("w@file"));
    let counted = Counted { router: &router, service: &service, internal: false };
    let series = RouteSeries::new(&metrics, counted);
    for reached in ["a@file", "b@file", "a@file"] {
        series.record(counted, Some(&Name::from(reached)), &sample(&Method::GET, 200));
    }
    // Another copy of its own name, and a request that reached nothing.
    series.record(counted, Some(&Name::from("w@file")), &sample(&Method::GET, 200));
    series.record(counted, None, &sample(&Method::GET, 503));
    let text = metrics.render().unwrap();
    for (name, service, code, count) in [
        ("service", "a@file", 200, 2),
        ("service", "b@file", 200, 1),
        ("service", "w@file", 200, 1),
        ("service", "w@file", 503, 1),
    ] {
        let line = format!(
            r#"traefik_{name}_requests_total{{code="{code}",method="GET",protocol="http",service="{service}"}} {count}"#
        );
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    let line =
        r#"traefik_router_requests_total{code="200",method="GET",protocol="http",router="r@file",service="w@file"} 4"#;
    assert!(text.contains(line), "{line} is not in\n{text}");
}

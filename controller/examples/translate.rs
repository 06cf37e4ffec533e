//! The cost of a translation: `cargo run --release -p flow-controller --example translate [INGRESSES]`.
//!
//! Prints the time of the first translation of so many Ingresses with a Service and an EndpointSlice each, the median
//! of one after a change of one object, and the memory that the view and the translation take.

use flow_controller::translate::{IngressOptions, Options, Translated, Translator};
use flow_controller::view::{Object, View};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn slice(n: usize, generation: usize) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("web-{n}-x7k2p"), "namespace": format!("team-{}", n % 100),
            "labels": {"kubernetes.io/service-name": format!("web-{n}")},
        },
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [
            {"addresses": [format!("10.{}.{}.{}", generation % 256, n / 256, n % 256)], "conditions": {"ready": true}},
        ],
    })
}

fn objects(n: usize) -> [Value; 3] {
    let namespace = format!("team-{}", n % 100);
    [
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": format!("web-{n}"), "namespace": namespace, "annotations": {
                "traefik.ingress.kubernetes.io/router.middlewares": "default-security-headers@kubernetescrd",
            }},
            "spec": {"rules": [{"host": format!("web-{n}.apps.example.com"), "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": format!("web-{n}"), "port": {"number": 80}}}},
            ]}}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("web-{n}"), "namespace": namespace},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80}]},
        }),
        slice(n, 0),
    ]
}

/// Returns the resident memory in kB, if the system tells it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn apply(view: &mut View, manifest: Value) {
    if let Ok(Some(object)) = Object::from_manifest(manifest) {
        view.apply(object);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Returns the time of one translation; what it replaces is dropped within that time.
fn timed(translator: &mut Translator, view: &mut View, last: &mut Translated) -> Duration {
    let begin = Instant::now();
    *last = translator.translate(view);
    begin.elapsed()
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let start = resident();
    let mut view = View::default();
    for n in 0..count {
        objects(n).into_iter().for_each(|manifest| apply(&mut view, manifest));
    }
    let held = resident();
    let mut translator = Translator::new(Options { ingress: Some(IngressOptions::default()), crd: None });
    let begin = Instant::now();
    let mut last = translator.translate(&mut view);
    println!("{count} Ingresses: first translation {:?}, {} routers", begin.elapsed(), last.kubernetes.routers.len());
    println!("memory: view {} kB, with translation {} kB", held - start, resident() - start);
    let mut endpoints = Vec::new();
    let mut ingresses = Vec::new();
    for round in 1..200 {
        let n = round * 37 % count;
        apply(&mut view, slice(n, round));
        endpoints.push(timed(&mut translator, &mut view, &mut last));
        let [mut ingress, ..] = objects(n);
        if let Some(host) = ingress.pointer_mut("/spec/rules/0/host") {
            *host = format!("moved-{round}.example.com").into();
        }
        apply(&mut view, ingress);
        ingresses.push(timed(&mut translator, &mut view, &mut last));
    }
    println!("one change: endpoints {:?}, Ingress {:?} (median)", median(endpoints), median(ingresses));
    println!("{} diagnostics", last.kubernetes.diagnostics.len());
}

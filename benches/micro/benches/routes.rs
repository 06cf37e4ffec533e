//! Finding the route of a request, among few and among many.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use flow_model::config::RuleSyntax;
use flow_model::rule::Rule;
use http::HeaderMap;
use proxy::router::{CompiledRule, RequestView, Route, RouteTable};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const COUNTS: [usize; 3] = [10, 10_000, 100_000];

fn table(count: usize, rule: impl Fn(usize) -> String) -> RouteTable<usize> {
    let route = |number| {
        let text = rule(number);
        let compiled = CompiledRule::compile(&Rule::parse(&text, RuleSyntax::V3).unwrap()).unwrap();
        let priority = i64::try_from(text.len()).unwrap();
        let (path, created) = Default::default();
        Arc::new(Route { rule: compiled, priority, precedence: 0, path, created, name: text.into(), target: number })
    };
    let routes: Vec<_> = (0..count).map(route).collect();
    RouteTable::default().with(&[], &routes)
}

fn look_up(bench: &mut Criterion) {
    let headers = HeaderMap::new();
    let client = IpAddr::from(Ipv4Addr::LOCALHOST);
    for count in COUNTS {
        // Few enough requests for any CPU's caches, spread over the routes.
        let asked: Vec<usize> = (0..64).map(|n| n * 7919 % count).collect();
        let hosts: Vec<String> = asked.iter().map(|n| format!("h{n}.many.test")).collect();
        let paths: Vec<String> = asked.iter().map(|n| format!("/p{n}/x")).collect();

        let by_host = table(count, |n| format!("Host(`h{n}.many.test`) && PathPrefix(`/`)"));
        let mut turn = asked.iter().zip(&hosts).cycle();
        bench.bench_function(&format!("route by host/{count}"), |bencher| {
            bencher.iter(|| {
                let (wanted, host) = turn.next().unwrap();
                let found = by_host.find(&RequestView::new(black_box(host), "/x", None, "GET", &headers, client));
                assert_eq!(found.map(|route| route.target), Some(*wanted));
            });
        });

        let by_path = table(count, |n| format!("Host(`one.test`) && PathPrefix(`/p{n}/`)"));
        let mut turn = asked.iter().zip(&paths).cycle();
        bench.bench_function(&format!("route by path/{count}"), |bencher| {
            bencher.iter(|| {
                let (wanted, path) = turn.next().unwrap();
                let found = by_path.find(&RequestView::new("one.test", black_box(path), None, "GET", &headers, client));
                assert_eq!(found.map(|route| route.target), Some(*wanted));
            });
        });
    }
}

criterion_group!(benches, look_up);
criterion_main!(benches);

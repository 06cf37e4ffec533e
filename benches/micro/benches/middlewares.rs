//! The cost that single middlewares add to a request.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use flow_middleware::{Body, Connection, Exchange};
use flow_middleware::{Chain, ForwardedFor, Middleware as Step, MiddlewareError, RequestContext, Resolve};
use flow_model::middleware::Middleware;
use flow_model::name::Name;
use futures_util::FutureExt as _;
use http::{Request, Response};
use proxy::forward::Fetcher;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

struct NoMembers;

impl Resolve for NoMembers {
    fn middleware(&mut self, name: &Name) -> Result<Arc<Step>, MiddlewareError> {
        unreachable!("{name}")
    }

    fn service(&mut self, name: &Name) -> Result<Arc<dyn flow_middleware::Service>, MiddlewareError> {
        unreachable!("{name}")
    }
}

/// A chain of one middleware, from a specification in Traefik's form.
fn chain(specification: serde_json::Value) -> Chain {
    let specification: Middleware = serde_json::from_value(specification).unwrap();
    let name = "m@file".into();
    let made = flow_middleware::compile(&specification, &name, &mut NoMembers).unwrap();
    Chain::new([Arc::new(made)])
}

/// A request of client number `client`.
fn exchange(client: u8) -> Exchange {
    let request = Request::get("/x").header("host", "a.test").header("user-agent", "bench").header("accept", "*/*");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let from = |last, port| SocketAddr::from((Ipv4Addr::new(10, 0, 0, last), port));
    let connection = Connection::new(from(client, 40000), from(0, 80), None, "web".into());
    Exchange { head, body: Body::Empty, connection: Arc::new(connection), interim: None }
}

fn headers(bench: &mut Criterion) {
    let chain = chain(serde_json::json!({"headers": {
        "customRequestHeaders": {"X-One": "1", "X-Two": "2", "Accept": ""},
        "customResponseHeaders": {"X-Three": "3", "Server": ""},
        "frameDeny": true, "contentTypeNosniff": true, "browserXssFilter": true, "stsSeconds": 31536000,
    }}));
    let fetcher = Fetcher::new(&Arc::default()).unwrap();
    let (router, mut user) = (Name::from("r@file"), None);
    let mut context = RequestContext::new(&router, &fetcher, ForwardedFor::Append, &mut user);
    let mut exchange = exchange(1);
    bench.bench_function("headers", |bencher| {
        bencher.iter(|| {
            let passed = chain.on_request(&mut exchange, &mut context).now_or_never().unwrap();
            let passed = passed.continue_value().unwrap();
            chain.on_response(passed, Response::new(Body::Empty)).now_or_never().unwrap()
        });
    });
}

/// All workers ask as fast as they can, for one client or each for its own.
fn rate_limit(bench: &mut Criterion) {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let all = u8::try_from(workers).unwrap();
    for (name, clients) in [("one client", [1; 256]), ("a client each", std::array::from_fn(|n| n as u8))] {
        let chain = chain(serde_json::json!({"rateLimit": {"average": 1_000_000_000, "burst": 1_000_000_000}}));
        bench.bench_function(&format!("rateLimit from {workers} workers/{name}"), |bencher| {
            bencher.iter_custom(|requests| {
                let barrier = Barrier::new(workers);
                let (chain, barrier) = (&chain, &barrier);
                std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..all)
                        .map(|worker| {
                            let client = clients[usize::from(worker)];
                            scope.spawn(move || -> Duration {
                                let fetcher = Fetcher::new(&Arc::default()).unwrap();
                                let (router, mut user) = (Name::from("r@file"), None);
                                let mut context =
                                    RequestContext::new(&router, &fetcher, ForwardedFor::Append, &mut user);
                                let mut exchange = exchange(client);
                                barrier.wait();
                                let start = Instant::now();
                                for _ in 0..requests {
                                    let passed = chain.on_request(&mut exchange, &mut context).now_or_never().unwrap();
                                    assert!(passed.is_continue(), "refused");
                                }
                                start.elapsed()
                            })
                        })
                        .collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap_or_default()
                })
            });
        });
    }
}

criterion_group!(benches, headers, rate_limit);
criterion_main!(benches);

//! Allocations of a proxied request in the real data plane: listener, HTTP, routing, forwarding, metrics. It is a
//! process of its own because of its allocator. Backend and clients allocate nothing, so that only the proxy's count.
#![allow(clippy::unwrap_used, reason = "tests")]

mod wire;

use flow_controller::view::View;
use flow_micro::{cluster, compiler, entry_points, translator};
use flow_model::challenge::NoChallenges;
use proxy::forward::Fetcher;
use proxy::handler::Handler;
use proxy::metrics::{Metrics, Options};
use proxy::snapshot::live;
use proxy::worker::{Bound, Server, Threads};
use std::net::SocketAddr;
use std::sync::Arc;
use wire::{Http1, Http2, backend};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const WARM_UP: u32 = 200;
const REQUESTS: u32 = 1000;
/// The measured number of allocations (docs/performance.md) and a little more.
const BUDGET_HTTP1: f64 = 11.0;
const BUDGET_HTTP2: f64 = 16.0;

/// One worker that proxies `h0.many.test` to `backend`, and its address.
fn proxy(backend: SocketAddr) -> (Server, SocketAddr) {
    let mut view = View::default();
    for object in
        [cluster::service(0), cluster::endpoint_slice(0, "127.0.0.1", backend.port()), cluster::ingress(0, "/")]
    {
        view.apply(object);
    }
    let entry_points = entry_points();
    let metrics = Arc::new(Metrics::new(&Options::default()).unwrap());
    let mut compiler = compiler(Arc::clone(&entry_points), Some(Arc::clone(&metrics)));
    let (_, reader) = live(compiler.compile(&translator().translate(&mut view).sources()).snapshot);
    let fetcher = Arc::new(Fetcher::new(&Arc::default()).unwrap());
    let challenges = Arc::new(NoChallenges);
    let handler = Handler::new(reader.clone(), &entry_points, challenges, fetcher, None, Some(&metrics));
    let bound = Bound::new(&entry_points, Threads::PerCore(1), "here").unwrap();
    let web = bound.addresses()[0];
    (bound.serve(Arc::new(handler), Arc::new(reader)).unwrap(), web)
}

/// Allocations of a request, as the mean of many.
fn allocations(mut request: impl FnMut()) -> f64 {
    for _ in 0..WARM_UP {
        request();
    }
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..REQUESTS {
        request();
    }
    (dhat::HeapStats::get().total_blocks - before) as f64 / f64::from(REQUESTS)
}

#[test]
fn a_request_stays_within_its_budget() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let (_server, web) = proxy(backend());
    let mut http1 = Http1::connect(web);
    let of_http1 = allocations(|| http1.request());
    drop(http1);
    let mut http2 = Http2::connect(web);
    let of_http2 = allocations(|| http2.request());
    println!("allocations a request: {of_http1:.1} over HTTP/1.1, {of_http2:.1} over HTTP/2");
    assert!(of_http1 > 1.0 && of_http1 <= BUDGET_HTTP1, "{of_http1}");
    assert!(of_http2 > 1.0 && of_http2 <= BUDGET_HTTP2, "{of_http2}");
}

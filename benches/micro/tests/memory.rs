//! Memory for each Ingress and each IngressRoute, stage by stage. It is a process of its own because of its allocator.
#![allow(clippy::unwrap_used, reason = "tests")]

use flow_controller::view::View;
use flow_micro::{cluster, compiler, entry_points, translator};
use proxy::metrics::{Metrics, Options};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// An eighth of ten thousand: hash tables, whose size doubles, are then as full as with ten thousand.
const COUNT: usize = 1250;
/// Bytes for each, without the allocator's overhead: as measured (docs/performance.md) and a tenth more.
const INGRESS_BUDGET: usize = 5_600;
/// Behind two Middlewares that all share.
const ALIKE_BUDGET: usize = 7_000;
const ROUTE_BUDGET: usize = 11_300;

/// Bytes for each object since `before`, which becomes the present number.
fn grown(before: &mut usize) -> usize {
    let now = dhat::HeapStats::get().curr_bytes;
    (now - std::mem::replace(before, now)) / COUNT
}

/// Returns the bytes of each object of a cluster as all stages hold it.
fn held(kind: &str, view: fn(usize) -> View, routers: usize) -> usize {
    let mut bytes = dhat::HeapStats::get().curr_bytes;
    let mut view = view(COUNT);
    let seen = grown(&mut bytes);
    let mut translator = translator();
    let translated = translator.translate(&mut view);
    let meant = grown(&mut bytes);
    let options = Options { routers: true, ..Options::default() };
    let mut compiler = compiler(entry_points(), Some(Arc::new(Metrics::new(&options).unwrap())));
    let compiled = compiler.compile(&translated.sources());
    let served = grown(&mut bytes);
    assert_eq!(compiled.runtime.routers.len(), routers);
    println!("bytes an {kind}: {seen} as objects, {meant} as configuration, {served} as routes");
    seen + meant + served
}

#[test]
fn an_ingress_and_an_ingress_route_hold_little() {
    let _profiler = dhat::Profiler::builder().testing().build();
    assert!(held("Ingress", cluster::view, 2 * COUNT) <= INGRESS_BUDGET);
    assert!(held("IngressRoute", cluster::view_of_alike_routes, 2 * COUNT) <= ALIKE_BUDGET);
    assert!(held("IngressRoute with two Middlewares of its own", cluster::view_of_routes, 2 * COUNT) <= ROUTE_BUDGET);
}

//! What an Ingress holds in memory, stage by stage. It stands in a process of its own, for its allocator.
#![allow(clippy::unwrap_used, reason = "tests")]

use flow_micro::{cluster, compiler, entry_points, translator};
use flow_proxy_core::metrics::{Metrics, Options};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// An eighth of ten thousand: hash tables, whose size doubles, are as full with these as with those.
const COUNT: usize = 1250;
/// Bytes an Ingress, without what an allocator adds: measured (docs/performance.md) and a tenth.
const BUDGET: usize = 5600;

/// Bytes an Ingress since `before`, which is brought up to now.
fn grown(before: &mut usize) -> usize {
    let now = dhat::HeapStats::get().curr_bytes;
    (now - std::mem::replace(before, now)) / COUNT
}

#[test]
fn an_ingress_holds_little() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut bytes = dhat::HeapStats::get().curr_bytes;
    let mut view = cluster::view(COUNT);
    let seen = grown(&mut bytes);
    let mut translator = translator();
    let translated = translator.translate(&mut view);
    let meant = grown(&mut bytes);
    let options = Options { routers: true, ..Options::default() };
    let mut compiler = compiler(entry_points(), Some(Arc::new(Metrics::new(&options).unwrap())));
    let compiled = compiler.compile(&translated.sources());
    let served = grown(&mut bytes);
    assert_eq!(compiled.runtime.routers.len(), 2 * COUNT);
    println!("bytes an Ingress: {seen} as objects, {meant} as configuration, {served} as routes");
    assert!(seen + meant + served <= BUDGET);
}

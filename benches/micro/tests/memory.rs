//! Memory for each Ingress, stage by stage. It is a process of its own because of its allocator.
#![allow(clippy::unwrap_used, reason = "tests")]

use flow_micro::{cluster, compiler, entry_points, translator};
use proxy::metrics::{Metrics, Options};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// An eighth of ten thousand: hash tables, whose size doubles, are then as full as with ten thousand.
const COUNT: usize = 1250;
/// Bytes for each Ingress, without the allocator's overhead: as measured (docs/performance.md) and a tenth more.
const BUDGET: usize = 5600;

/// Bytes for each Ingress since `before`, which becomes the present number.
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

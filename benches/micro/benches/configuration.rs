//! Translating and compiling the cluster's objects: all of them, and one change among ten thousand.
#![allow(missing_docs, reason = "a bench")]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use flow_micro::{cluster, compiler, entry_points, translator};

const MANY: usize = 10_000;
/// The Ingress and Service that change.
const ONE: usize = MANY / 2;

fn whole(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("whole");
    group.sample_size(10);
    for count in [1000, MANY] {
        group.bench_function(BenchmarkId::new("translate", count), |bencher| {
            let setup = || (translator(), cluster::view(count));
            bencher.iter_batched(
                setup,
                |(mut translator, mut view)| {
                    let translated = translator.translate(&mut view);
                    (translator, view, translated)
                },
                BatchSize::PerIteration,
            );
        });
        let (mut translator, mut view) = (translator(), cluster::view(count));
        let sources = translator.translate(&mut view).sources();
        group.bench_function(BenchmarkId::new("compile", count), |bencher| {
            let compile = |mut compiler: proxy::compile::Compiler| (compiler.compile(&sources), compiler);
            bencher.iter_batched(|| compiler(entry_points(), None), compile, BatchSize::PerIteration);
        });
    }
}

fn one_change(bench: &mut Criterion) {
    let mut group = bench.benchmark_group(format!("one change among {MANY}"));
    let (mut translator, mut view) = (translator(), cluster::view(MANY));
    let mut compiler = compiler(entry_points(), None);
    compiler.compile(&translator.translate(&mut view).sources());

    let mut turn = ["/a", "/b"].into_iter().cycle();
    group.bench_function("translate an Ingress", |bencher| {
        bencher.iter_batched(
            || cluster::ingress(ONE, turn.next().unwrap_or_default()),
            |ingress| {
                view.apply(ingress);
                translator.translate(&mut view)
            },
            BatchSize::PerIteration,
        );
    });
    let configurations = ["/a", "/b"].map(|path| {
        view.apply(cluster::ingress(ONE, path));
        translator.translate(&mut view).sources()
    });
    let mut turn = configurations.iter().cycle();
    group.bench_function("compile an Ingress", |bencher| {
        bencher.iter(|| turn.next().map(|sources| compiler.compile(sources)));
    });

    let mut turn = ["10.0.0.2", "10.0.0.3"].into_iter().cycle();
    group.bench_function("translate an EndpointSlice", |bencher| {
        bencher.iter_batched(
            || cluster::endpoint_slice(ONE, turn.next().unwrap_or_default(), 80),
            |slice| {
                view.apply(slice);
                translator.translate(&mut view)
            },
            BatchSize::PerIteration,
        );
    });
    let configurations = ["10.0.0.2", "10.0.0.3"].map(|address| {
        view.apply(cluster::endpoint_slice(ONE, address, 80));
        translator.translate(&mut view).sources()
    });
    let mut turn = configurations.iter().cycle();
    group.bench_function("compile an EndpointSlice", |bencher| {
        bencher.iter(|| turn.next().map(|sources| compiler.compile(sources)));
    });
}

criterion_group!(benches, whole, one_change);
criterion_main!(benches);

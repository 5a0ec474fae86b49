//! Loading what is known: the module cache, and instances.
//!
//! Must not know: caches. Invariant: the module was compiled before the first time is taken.

use criterion::{Criterion, Throughput};
use extism::{Plugin, PluginBuilder};
use extism_bench::{Kit, module};

pub(super) fn all(criterion: &mut Criterion) {
    let wasm = module(Kit::Published).expect("the plug-ins are in the repository");
    let compile = || PluginBuilder::new(&wasm).compile();
    let compiled = compile().expect("the plug-in is valid");
    let mut group = criterion.benchmark_group("load");
    group.bench_function("instance", |bencher| {
        bencher.iter(|| Plugin::new_from_compiled(&compiled))
    });
    let mut plugin = Plugin::new_from_compiled(&compiled).expect("there is memory");
    group.bench_function("renew", |bencher| {
        bencher.iter(|| plugin.renew().expect("there is memory"))
    });
    group.throughput(Throughput::Bytes(wasm.len() as u64));
    group.bench_function("module in the cache", |bencher| bencher.iter(compile));
    group.bench_function("inspect", |bencher| {
        bencher.iter(|| extism::inspect(&wasm).expect("the plug-in is valid"))
    });
}

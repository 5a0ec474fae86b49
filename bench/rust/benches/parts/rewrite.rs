//! The rewriting pass over plug-ins of both kits; the throughput is that of the module's bytes.
//!
//! Must not know: what becomes of the result. Invariant: the pass does not decline.

use criterion::{Criterion, Throughput};
use extism_bench::{Kit, module};
use extism_rewrite::{KernelMemory, Options, rewrite};

pub(super) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rewrite");
    let define = KernelMemory::Define {
        pages_min: 1,
        pages_max: None,
    };
    for (kit, name) in [(Kit::Published, "published kit"), (Kit::Ours, "our kit")] {
        let wasm = module(kit).expect("the plug-ins are in the repository");
        group.throughput(Throughput::Bytes(wasm.len() as u64));
        for (mode, kernel_memory) in [("define", define), ("import", KernelMemory::Import)] {
            let options = Options {
                kernel_memory,
                keep: &|_name| false,
            };
            rewrite(&wasm, &options).expect("the pass knows what the kits make");
            group.bench_function(format!("{name}, {mode}"), |bencher| {
                bencher.iter(|| rewrite(&wasm, &options))
            });
        }
    }
}

//! The block table: what a call does with it, and what a guest that holds many blocks costs.
//!
//! Must not know: the bytes in the blocks. Invariant: each round ends with the blocks it began with.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use extism_kernel::{Kernel, Limits, Memory};

struct Size(u64);

impl Memory for Size {
    fn bytes(&self) -> u64 {
        self.0
    }

    fn grow_to(&mut self, bytes: u64) -> bool {
        self.0 = self.0.max(bytes);
        true
    }
}

fn kernel() -> (Kernel, Size) {
    let limits = Limits {
        blocks_max: 1_000_000,
        bytes_max: 1 << 32,
    };
    (Kernel::new(limits), Size(1 << 20))
}

pub(super) fn all(criterion: &mut Criterion) {
    calls(criterion);
    blocks(criterion);
    lengths(criterion);
}

/// What every call does.
fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    for bytes in [0, 14, 1 << 20] {
        let (mut kernel, mut memory) = kernel();
        group.bench_function(format!("begin with {bytes} bytes"), |bencher| {
            bencher.iter(|| kernel.begin(black_box(bytes), &mut memory))
        });
    }
    let (mut kernel, mut memory) = kernel();
    group.bench_function("begin, alloc, length, output", |bencher| {
        bencher.iter(|| {
            let input = kernel.begin(black_box(14), &mut memory);
            let block = kernel.alloc(black_box(20), &mut memory);
            kernel.set_output(block, kernel.length(block), memory.bytes());
            (input, kernel.output())
        })
    });
}

/// Blocks a guest makes and frees, in the orders guests do.
fn blocks(criterion: &mut Criterion) {
    const HELD: usize = 1_000;
    let mut group = criterion.benchmark_group("kernel");
    let (mut kernel, mut memory) = kernel();
    group.bench_function("alloc and free of the last block", |bencher| {
        bencher.iter(|| {
            let block = kernel.alloc(black_box(100), &mut memory);
            kernel.free(black_box(block));
        })
    });
    group.throughput(Throughput::Elements(HELD as u64));
    let mut held = vec![0; HELD];
    for (order, sizes) in [
        ("same size", [40, 40, 40, 40]),
        ("mixed sizes", [8, 300, 24, 5_000]),
    ] {
        group.bench_function(
            format!("1,000 allocs, then free first to last, {order}"),
            |bencher| {
                bencher.iter(|| {
                    for (block, bytes) in held.iter_mut().zip(sizes.iter().cycle()) {
                        *block = kernel.alloc(black_box(*bytes), &mut memory);
                    }
                    held.iter().for_each(|block| kernel.free(*block));
                })
            },
        );
        group.bench_function(
            format!("1,000 allocs and frees among 1,000 blocks, {order}"),
            |bencher| {
                for (block, bytes) in held.iter_mut().zip(sizes.iter().cycle()) {
                    *block = kernel.alloc(*bytes, &mut memory);
                }
                let mut next = 0;
                bencher.iter(|| {
                    for bytes in sizes.iter().cycle().take(HELD) {
                        // A stride without a common factor visits every block, none beside the last.
                        next = (next + 617) % HELD;
                        kernel.free(held[next]);
                        held[next] = kernel.alloc(black_box(*bytes), &mut memory);
                    }
                });
                held.iter().for_each(|block| kernel.free(*block));
            },
        );
    }
    assert_eq!(kernel.blocks(), 0, "all are freed");
}

/// Lookup of a handle.
fn lengths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    for count in [1, 1_000, 100_000_usize] {
        let (mut kernel, mut memory) = kernel();
        let held: Vec<u64> = (0..count).map(|_| kernel.alloc(40, &mut memory)).collect();
        let mut next = 0;
        group.bench_function(format!("length among {count} blocks"), |bencher| {
            bencher.iter(|| {
                next = (next + 617) % held.len();
                kernel.length(held[next])
            })
        });
        assert_eq!(kernel.length(held[next]), 40);
    }
}

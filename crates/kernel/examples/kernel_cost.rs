//! Prints what each operation of the kernel costs, in nanoseconds: `cargo run --release --example
//! kernel_cost`.

use std::hint::black_box;
use std::time::Instant;

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

/// The median of nine runs, each of `rounds` rounds of `operations` operations.
fn time(name: &str, rounds: u32, operations: u32, mut round: impl FnMut()) {
    let mut costs: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            (0..rounds).for_each(|_| round());
            start.elapsed().as_nanos() as f64 / f64::from(rounds) / f64::from(operations)
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    println!("{:>8.2} ns  {name}", costs[4]);
}

fn main() {
    let mut kernel = Kernel::new(Limits {
        blocks_max: 1_000_000,
        bytes_max: 1 << 32,
    });
    let mut memory = Size(1 << 20);

    time("begin without input", 1_000_000, 1, || {
        black_box(kernel.begin(black_box(0), &mut memory).is_ok());
    });
    time("begin with 14 bytes of input", 1_000_000, 1, || {
        black_box(kernel.begin(black_box(14), &mut memory).is_ok());
    });
    time(
        "a whole call: begin, alloc, length, output",
        1_000_000,
        1,
        || {
            black_box(kernel.begin(black_box(14), &mut memory).is_ok());
            let block = kernel.alloc(black_box(20), &mut memory);
            kernel.set_output(block, kernel.length(block), memory.bytes());
            black_box(kernel.output());
        },
    );
    time("alloc and free of the last block", 1_000_000, 1, || {
        let block = kernel.alloc(black_box(100), &mut memory);
        kernel.free(black_box(block));
    });
    let block = kernel.alloc(10, &mut memory);
    time("length, few blocks", 1_000_000, 1, || {
        black_box(kernel.length(black_box(block)));
    });

    for count in [1_000_usize, 100_000] {
        kernel.reset();
        let mut held = vec![0; count];
        time(
            &format!("alloc at the top, {count} per call, from an empty table"),
            3,
            count as u32,
            || {
                kernel.reset();
                held.iter_mut()
                    .for_each(|block| *block = kernel.alloc(black_box(40), &mut memory));
            },
        );
        let mut state = 1_usize;
        let mut any = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % count
        };
        time(
            &format!("length of any of {count} blocks"),
            100_000,
            1,
            || {
                black_box(kernel.length(held[any()]));
            },
        );
        time(
            &format!("free any of {count} blocks and alloc another size"),
            100_000,
            1,
            || {
                let at = any();
                kernel.free(held[at]);
                held[at] = kernel.alloc(1 + (at as u64 * 7) % 200, &mut memory);
            },
        );
    }
}

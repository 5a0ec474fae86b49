//! How much memory a long call with changing sizes needs, compared with what it holds.
//!
//! No allocator that cannot move blocks keeps this low for every sequence; these are the shapes
//! programs have.

mod support;

use extism_kernel::{FIRST_HANDLE, Kernel};
use support::{Numbers, PAGE, Pages, roomy};

/// One long call, and the most bytes that were live during it.
struct Run {
    kernel: Kernel,
    memory: Pages,
    peak: u64,
}

impl Run {
    fn new() -> Run {
        let (kernel, memory) = roomy();
        Run {
            kernel,
            memory,
            peak: 0,
        }
    }

    fn alloc(&mut self, bytes: u64) -> u64 {
        let handle = self.kernel.alloc(bytes, &mut self.memory);
        assert_ne!(handle, 0);
        self.peak = self.peak.max(self.kernel.bytes_in_use());
        handle
    }

    /// Memory that is there anyway is used before anything else, and does not count.
    fn check(&self, name: &str, ratio_max: f64) {
        let used = (self.kernel.high_water() - FIRST_HANDLE).saturating_sub(PAGE);
        let ratio = used as f64 / self.peak as f64;
        assert!(
            ratio <= ratio_max,
            "{name}: {used} bytes used for {} live, {ratio:.2}",
            self.peak
        );
    }
}

#[test]
fn one_block_replaced_for_ever_needs_no_more_than_is_there() {
    let mut run = Run::new();
    let mut held = run.alloc(1000);
    for nth in 0..500_000_u64 {
        let next = run.alloc(1000 + nth % 24);
        run.kernel.free(held);
        held = next;
    }
    run.check("replaced", 0.0);
}

#[test]
fn two_sizes_in_turn() {
    for (small, large) in [
        (24, 40),
        (16, 4096),
        (100, 1000),
        (1000, 1001),
        (3000, 5000),
    ] {
        let mut run = Run::new();
        let mut held = std::collections::VecDeque::new();
        for nth in 0..200_000_u64 {
            held.push_back(run.alloc(if nth % 2 == 0 { small } else { large }));
            if held.len() > 500 {
                run.kernel.free(held.pop_front().expect("there are 500"));
            }
        }
        run.check(&format!("{small} and {large}"), 2.0);
    }
}

#[test]
fn any_sizes_in_any_order() {
    for (seed, largest) in [(1, 100), (2, 1000), (3, 10_000), (4, 1_000_000)] {
        let (mut run, mut numbers) = (Run::new(), Numbers::new(seed));
        let mut held: Vec<u64> = (0..1000)
            .map(|_| run.alloc(numbers.below(largest) + 16))
            .collect();
        for _ in 0..200_000 {
            let at = numbers.below(1000) as usize;
            run.kernel.free(held[at]);
            held[at] = run.alloc(numbers.below(largest) + 16);
        }
        run.check(&format!("up to {largest}"), 2.0);
    }
}

#[test]
fn sizes_that_change_with_the_phase() {
    let (mut run, mut numbers) = (Run::new(), Numbers::new(5));
    let mut held = Vec::new();
    for phase in 0..300_u64 {
        let size = 32 << (phase % 8);
        while run.kernel.bytes_in_use() < 1_000_000 {
            held.push(run.alloc(size + numbers.below(size)));
        }
        // Nine in ten go, in no order; the rest stays scattered over the memory.
        for _ in 0..held.len() * 9 / 10 {
            let at = numbers.below(held.len() as u64) as usize;
            run.kernel.free(held.swap_remove(at));
        }
    }
    run.check("phases", 2.0);
}

#[test]
fn a_buffer_that_doubles_among_small_blocks() {
    let mut run = Run::new();
    for _ in 0..1000 {
        let mut buffer = run.alloc(16);
        let mut small = Vec::new();
        for doubling in 5..17 {
            small.push(run.alloc(48));
            let larger = run.alloc(1 << doubling);
            run.kernel.free(buffer);
            buffer = larger;
        }
        run.kernel.free(buffer);
        small.into_iter().for_each(|block| run.kernel.free(block));
    }
    run.check("doubling", 2.0);
}

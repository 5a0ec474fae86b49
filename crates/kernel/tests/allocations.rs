//! The host's own memory: none is allocated by calls like those before, and a burst is given back.
//!
//! Counting needs an allocator of the test's own; it counts per thread, since tests run in parallel.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use extism_kernel::{Kernel, Limits};
use support::{Numbers, PAGE, Pages};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: u64, bytes: i64) {
    // The last blocks of a thread are freed when its counters are gone already.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + allocations));
    let _ = BYTES.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: every method passes its arguments on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promise about the layout is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the block came from `alloc` or `realloc` with this layout, that is from the
        // system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: as for `dealloc`, and the caller's promise about the size is passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

fn bytes() -> i64 {
    BYTES.with(Cell::get)
}

fn kernel() -> (Kernel, Pages) {
    let limits = Limits {
        blocks_max: 200_000,
        bytes_max: 1 << 30,
    };
    (Kernel::new(limits), Pages::new(PAGE, 1 << 30))
}

/// One call that allocates `blocks` blocks, frees half of them and allocates again.
fn call(kernel: &mut Kernel, memory: &mut Pages, numbers: &mut Numbers, blocks: u64) {
    kernel.begin(14, memory).expect("there is room");
    let first = kernel.alloc(100, memory);
    let mut last = 0;
    for nth in 0..blocks {
        let handle = kernel.alloc(1 + numbers.below(500), memory);
        assert!(kernel.contains(handle));
        if nth % 2 == 0 {
            kernel.free(last);
        }
        last = handle;
    }
    kernel.set_output(first, kernel.length(first), memory.bytes);
    kernel.free(first);
}

#[test]
fn calls_allocate_nothing_once_they_have_run() {
    for blocks in [1, 10, 100, 500] {
        let (mut kernel, mut memory) = kernel();
        for _ in 0..20 {
            call(&mut kernel, &mut memory, &mut Numbers::new(7), blocks);
        }
        let before = allocations();
        for _ in 0..1000 {
            call(&mut kernel, &mut memory, &mut Numbers::new(7), blocks);
        }
        assert_eq!(allocations() - before, 0, "{blocks} blocks");
    }
}

#[test]
fn one_long_call_allocates_nothing_once_it_is_warm() {
    let (mut kernel, mut memory) = kernel();
    let mut numbers = Numbers::new(3);
    kernel.begin(14, &mut memory).expect("there is room");
    // Blocks of one size first: as many records as there can ever be are then in use.
    let mut held: Vec<u64> = (0..256).map(|_| kernel.alloc(16, &mut memory)).collect();
    let round =
        |kernel: &mut Kernel, memory: &mut Pages, held: &mut Vec<u64>, numbers: &mut Numbers| {
            let at = numbers.below(256) as usize;
            kernel.free(held[at]);
            held[at] = kernel.alloc(1 + numbers.below(1000), memory);
            assert_eq!(kernel.length(held[at] + 1), 0);
        };
    for _ in 0..10_000 {
        round(&mut kernel, &mut memory, &mut held, &mut numbers);
    }
    let before = allocations();
    for _ in 0..100_000 {
        round(&mut kernel, &mut memory, &mut held, &mut numbers);
    }
    assert_eq!(allocations() - before, 0);
}

#[test]
fn a_burst_is_given_back() {
    let before = bytes();
    let (mut kernel, mut memory) = kernel();
    for nth in 0..100_000 {
        assert_ne!(kernel.alloc(16 + nth % 64, &mut memory), 0);
    }
    assert!(
        bytes() - before > 1 << 20,
        "a burst needs memory: {} bytes",
        bytes() - before
    );
    kernel.begin(14, &mut memory).expect("there is room");
    kernel.alloc(100, &mut memory);
    assert!(
        bytes() - before < 4096,
        "{} bytes are kept",
        bytes() - before
    );
}

#[test]
fn a_kernel_that_was_never_used_holds_nothing() {
    let before = (allocations(), bytes());
    let (kernel, _) = kernel();
    assert_eq!((allocations(), bytes()), before);
    assert_eq!(kernel.blocks(), 0);
}

//! The kernel against the model, in long runs: full and empty tables, and memories without room.

mod support;

use extism_kernel::{FIRST_HANDLE, Kernel, Limits, Memory, Range};
use support::model::Model;
use support::{BOUNDARIES, Numbers, PAGE, Pages};

/// A handle of a live block most of the time, else one beside it or any number.
fn handle(numbers: &mut Numbers, model: &Model) -> u64 {
    let target = numbers.below(model.end() + 1);
    let live = model.at_or_above(target);
    match numbers.below(8) {
        0 => numbers.pick(&BOUNDARIES),
        1 => live.wrapping_add(numbers.pick(&[1, 8, 16, u64::MAX, 1 << 32])),
        2 => target,
        _ => live,
    }
}

fn size(numbers: &mut Numbers, largest: u64) -> u64 {
    match numbers.below(16) {
        0 => numbers.pick(&BOUNDARIES),
        1 => numbers.below(largest) + 1,
        2..=5 => numbers.below(4096) + 1,
        _ => numbers.below(128) + 1,
    }
}

fn run(seed: u64, operations: u32, limits: Limits, memory_max: u64, largest: u64) {
    let mut numbers = Numbers::new(seed);
    let mut memory = Pages::new(PAGE, memory_max);
    let mut kernel = Kernel::new(limits);
    let mut model = Model::new(limits);
    // More allocations than frees for a while, then the reverse: full and empty tables are both seen.
    let mut allocations = 50;
    for nth in 0..operations {
        if nth % 4096 == 0 {
            allocations = numbers.pick(&[20, 45, 50, 55, 80]);
        }
        match numbers.below(100) {
            0 => {
                let (offset, length) = (handle(&mut numbers, &model), numbers.pick(&BOUNDARIES));
                kernel.set_output(offset, length, memory.bytes());
                model.output = Model::slot(offset, length, memory.bytes).unwrap_or(model.output);
            }
            1 => {
                let (offset, length) = (handle(&mut numbers, &model), numbers.below(64));
                kernel.set_input(offset, length, memory.bytes());
                model.input = Model::slot(offset, length, memory.bytes).unwrap_or(model.input);
            }
            2 => {
                let error = handle(&mut numbers, &model);
                kernel.set_error(error, memory.bytes());
                if error == 0 || Model::slot(error, 0, memory.bytes).is_some() {
                    model.error = error;
                }
            }
            3 if numbers.below(64) == 0 => {
                model.check_every_block(&kernel);
                model = model.cleared();
                let bytes = size(&mut numbers, largest);
                let answer = kernel.begin(bytes, &mut memory);
                model.allocated(bytes, answer, &memory);
                if let Ok(offset) = answer {
                    model.input = Range {
                        offset,
                        length: bytes,
                    };
                }
            }
            chance if chance < allocations => {
                let bytes = size(&mut numbers, largest);
                let answer = kernel.try_alloc(bytes, &mut memory);
                model.allocated(bytes, answer, &memory);
            }
            _ => {
                let handle = handle(&mut numbers, &model);
                assert_eq!(kernel.length(handle), model.length(handle));
                assert_eq!(kernel.contains(handle), model.length(handle) > 0);
                kernel.free(handle);
                model.free(handle);
            }
        }
        model.check(&kernel);
    }
    model.check_every_block(&kernel);
    for handle in model.handles() {
        kernel.free(handle);
    }
    assert_eq!((kernel.blocks(), kernel.bytes_in_use()), (0, 0));
    // All merged: the whole memory is one free piece again.
    let whole = memory.bytes_max - FIRST_HANDLE;
    let placed = kernel.try_alloc(whole.min(limits.bytes_max), &mut memory);
    assert!(placed.is_ok(), "{placed:?}");
    if whole <= limits.bytes_max {
        assert_eq!(placed, Ok(FIRST_HANDLE));
    }
}

#[test]
fn agrees_with_the_model_when_there_is_room() {
    let limits = Limits {
        blocks_max: u32::MAX,
        bytes_max: u64::MAX,
    };
    for seed in 1..=4 {
        run(seed, 50_000, limits, 1 << 32, 1 << 20);
    }
}

#[test]
fn agrees_with_the_model_at_the_limits() {
    for (seed, limits) in [
        (
            5,
            Limits {
                blocks_max: 40,
                bytes_max: 1 << 14,
            },
        ),
        (
            6,
            Limits {
                blocks_max: 1000,
                bytes_max: 1 << 16,
            },
        ),
        (
            7,
            Limits {
                blocks_max: 1,
                bytes_max: 100,
            },
        ),
        (
            8,
            Limits {
                blocks_max: 300,
                bytes_max: u64::MAX,
            },
        ),
    ] {
        run(seed, 50_000, limits, 1 << 24, 1 << 14);
    }
}

#[test]
fn agrees_with_the_model_in_a_memory_that_is_full() {
    let limits = Limits {
        blocks_max: u32::MAX,
        bytes_max: u64::MAX,
    };
    for seed in 9..=10 {
        run(seed, 50_000, limits, 2 * PAGE, 1 << 14);
    }
}

//! The kernel against a model that is too simple to be wrong: a sorted map of the live blocks.

mod support;

use std::collections::BTreeMap;

use extism_kernel::{FIRST_HANDLE, Kernel, Limits, Memory, Range, Refused};
use support::{BOUNDARIES, Numbers, PAGE, Pages};

/// The handles and lengths of the live blocks, and what else the kernel should answer.
struct Model {
    limits: Limits,
    live: BTreeMap<u64, u64>,
    bytes: u64,
    high_water: u64,
    input: Range,
    output: Range,
    error: u64,
}

impl Model {
    fn new(limits: Limits) -> Model {
        let nothing = Range::default();
        Model {
            limits,
            live: BTreeMap::new(),
            bytes: 0,
            high_water: FIRST_HANDLE,
            input: nothing,
            output: nothing,
            error: 0,
        }
    }

    /// Which limit refuses a block of this size, if the memory does not.
    fn limit(&self, bytes: u64) -> Option<Refused> {
        if self.live.len() >= self.limits.blocks_max as usize {
            return Some(Refused::Blocks);
        }
        let total = u128::from(self.bytes) + u128::from(bytes);
        (total > u128::from(self.limits.bytes_max)).then_some(Refused::Bytes)
    }

    /// Accepts what the kernel answered to `alloc(bytes)`, or panics.
    fn allocated(&mut self, bytes: u64, answer: Result<u64, Refused>, memory: &Pages) {
        if bytes == 0 {
            return assert_eq!(answer, Ok(0));
        }
        if let Some(refused) = self.limit(bytes) {
            return assert_eq!(answer, Err(refused));
        }
        let handle = match answer {
            Ok(handle) => handle,
            Err(refused) => {
                assert_eq!(refused, Refused::Memory);
                // It may refuse for fragmentation, but not a block that fits above all others.
                let end = u128::from(self.end()).next_multiple_of(16) + u128::from(bytes);
                return assert!(
                    end > u128::from(memory.bytes_max) - 16,
                    "{bytes} bytes refused below {end}"
                );
            }
        };
        assert!(handle >= FIRST_HANDLE && handle.is_multiple_of(16));
        assert!(handle + bytes <= memory.bytes);
        if let Some((below, length)) = self.live.range(..=handle).next_back() {
            assert!(below + length <= handle, "{handle} overlaps {below}");
        }
        if let Some((above, _)) = self.live.range(handle..).next() {
            assert!(handle + bytes <= *above, "{handle} overlaps {above}");
        }
        self.live.insert(handle, bytes);
        self.bytes += bytes;
        self.high_water = self.high_water.max((handle + bytes).next_multiple_of(16));
    }

    fn free(&mut self, handle: u64) {
        let Some(length) = self.live.remove(&handle) else {
            return;
        };
        self.bytes -= length;
        if handle == self.input.offset {
            self.input.length = 0;
        }
    }

    fn slot(offset: u64, length: u64, memory_bytes: u64) -> Option<Range> {
        let end = u128::from(offset) + u128::from(length);
        ((FIRST_HANDLE..memory_bytes).contains(&offset) && end <= u128::from(memory_bytes))
            .then_some(Range { offset, length })
    }

    fn end(&self) -> u64 {
        self.live
            .last_key_value()
            .map_or(FIRST_HANDLE, |(handle, length)| handle + length)
    }

    fn check(&self, kernel: &Kernel) {
        assert_eq!(kernel.blocks() as usize, self.live.len());
        assert_eq!(kernel.bytes_in_use(), self.bytes);
        assert_eq!(kernel.high_water(), self.high_water);
        assert_eq!(
            (kernel.input(), kernel.output(), kernel.error()),
            (self.input, self.output, self.error)
        );
        let text = self.live.get(&self.error).copied().unwrap_or(0);
        let error = (self.error != 0).then_some(Range {
            offset: self.error,
            length: text,
        });
        assert_eq!(kernel.error_range(), error);
    }

    fn check_every_block(&self, kernel: &Kernel) {
        for (handle, length) in &self.live {
            assert_eq!(kernel.length(*handle), *length);
        }
    }
}

/// A handle of a live block most of the time, else one beside it or any number.
fn handle(numbers: &mut Numbers, model: &Model) -> u64 {
    let target = numbers.below(model.end() + 1);
    let live = model
        .live
        .range(target..)
        .next()
        .map_or(0, |(handle, _)| *handle);
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
                model = Model::new(limits);
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
                assert_eq!(
                    kernel.length(handle),
                    model.live.get(&handle).copied().unwrap_or(0)
                );
                assert_eq!(kernel.contains(handle), model.live.contains_key(&handle));
                kernel.free(handle);
                model.free(handle);
            }
        }
        model.check(&kernel);
    }
    model.check_every_block(&kernel);
    for handle in std::mem::take(&mut model.live).into_keys() {
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

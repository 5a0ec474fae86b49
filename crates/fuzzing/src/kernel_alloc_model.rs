//! The kernel against the model of its own tests: a sorted map of the live blocks.
//!
//! Input: limits and the size of the memory, then operations.

use arbitrary::{Result, Unstructured};
use extism_kernel::{Kernel, Limits, Memory, Range};

use crate::kernel_support::model::Model;
use crate::kernel_support::{BOUNDARIES, PAGE, Pages};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "kernel_alloc_model",
    about: "operations on kernel memory against a model",
    bytes_max: 4096,
    words: &[],
    smoke: 20_000,
    run,
};

fn run(input: &[u8]) {
    let _ = play(&mut Unstructured::new(input));
}

fn play(u: &mut Unstructured<'_>) -> Result<()> {
    let limits = Limits {
        blocks_max: *u.choose(&[1, 3, 40, 1000, u32::MAX])?,
        bytes_max: *u.choose(&[100, 1 << 14, 1 << 20, u64::MAX])?,
    };
    let memory_max = PAGE * u.choose(&[1, 2, 16, 1 << 16])?;
    let mut memory = Pages::new(PAGE, memory_max);
    let mut kernel = Kernel::new(limits);
    let mut model = Model::new(limits);
    while !u.is_empty() {
        step(u, &mut kernel, &mut model, &mut memory)?;
        model.check(&kernel);
    }
    model.check_every_block(&kernel);
    for handle in model.handles() {
        kernel.free(handle);
    }
    assert_eq!((kernel.blocks(), kernel.bytes_in_use()), (0, 0));
    Ok(())
}

fn step(
    u: &mut Unstructured<'_>,
    kernel: &mut Kernel,
    model: &mut Model,
    memory: &mut Pages,
) -> Result<()> {
    match u.int_in_range(0..=15)? {
        0..=5 => {
            let bytes = size(u)?;
            let answer = kernel.try_alloc(bytes, memory);
            model.allocated(bytes, answer, memory);
        }
        6..=10 => {
            let handle = handle(u, model)?;
            assert_eq!(kernel.length(handle), model.length(handle));
            assert_eq!(kernel.contains(handle), model.length(handle) > 0);
            kernel.free(handle);
            model.free(handle);
        }
        11 => {
            let (offset, length) = (handle(u, model)?, size(u)?);
            kernel.set_output(offset, length, memory.bytes());
            model.output = Model::slot(offset, length, memory.bytes()).unwrap_or(model.output);
        }
        12 => {
            let (offset, length) = (handle(u, model)?, size(u)?);
            kernel.set_input(offset, length, memory.bytes());
            model.input = Model::slot(offset, length, memory.bytes()).unwrap_or(model.input);
        }
        13 => {
            let error = handle(u, model)?;
            kernel.set_error(error, memory.bytes());
            if error == 0 || Model::slot(error, 0, memory.bytes()).is_some() {
                model.error = error;
            }
        }
        14 => {
            model.check_every_block(kernel);
            *model = model.cleared();
            let bytes = size(u)?;
            let answer = kernel.begin(bytes, memory);
            model.allocated(bytes, answer, memory);
            if let Ok(offset) = answer {
                model.input = Range {
                    offset,
                    length: bytes,
                };
            }
        }
        _ => {
            kernel.reset();
            *model = model.cleared();
        }
    }
    Ok(())
}

/// The handle of a live block most of the time, else one beside it or any number.
fn handle(u: &mut Unstructured<'_>, model: &Model) -> Result<u64> {
    let nth: u8 = u.arbitrary()?;
    let live = model.nth(usize::from(nth));
    Ok(match nth % 8 {
        0 => *u.choose(&BOUNDARIES)?,
        1 => live.wrapping_add(*u.choose(&[1, 8, 16, u64::MAX, 1 << 32])?),
        _ => live,
    })
}

fn size(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=7)? {
        0 => *u.choose(&BOUNDARIES)?,
        1 => u.arbitrary::<u64>()? >> (u.arbitrary::<u8>()? % 64),
        2 => u64::from(u.arbitrary::<u16>()?),
        _ => u64::from(u.arbitrary::<u8>()?) + 1,
    })
}

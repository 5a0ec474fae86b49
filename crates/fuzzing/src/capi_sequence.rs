//! Calls of the C library as a C program makes them, valid and not, in any order.
//!
//! Input: which kinds of operations there are, then the operations. Each answers as include/extism.h
//! says; the plug-in's answers are those of its text; no status says that the library is broken; at the
//! end nothing is alive, and what the library was given to release was released once.

mod host;
mod known;
mod library;
mod making;
mod misuse;
mod place;
mod using;
mod world;

use arbitrary::{Result, Unstructured};

use crate::target::Target;
use world::World;

pub(crate) const TARGET: Target = Target {
    name: "capi_sequence",
    about: "calls of the C library, valid and not, in any order",
    bytes_max: 600,
    words: &[],
    smoke: 150,
    run,
};

type Operation = fn(&mut World, &mut Unstructured<'_>) -> Result<()>;

/// All kinds of operations; a sequence has a part of them. One that stands here twice comes twice as often.
const OPERATIONS: [Operation; 16] = [
    making::function,
    making::compile,
    making::plugin,
    making::create,
    making::context,
    making::contained,
    making::pool,
    making::buffer,
    making::error,
    using::call,
    using::visit,
    using::configure,
    using::variable,
    using::other,
    using::cancel,
    using::call,
];

/// These are rare: each is many calls, or takes a thread.
const RARE: [Operation; 5] = [
    using::endless,
    misuse::kinds,
    misuse::lengths,
    misuse::numbers,
    misuse::library,
];

const OPERATIONS_MAX: usize = 60;

fn run(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let mut world = World::default();
    let pools_first = u.arbitrary().unwrap_or_default();
    // An input that is too short for an operation ends the sequence.
    let _ = play(&mut world, &mut u);
    world.end(pools_first);
}

fn play(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let mask: u16 = u.arbitrary()?;
    let chosen = |at: &usize| mask >> at & 1 == 1;
    let mut on: Vec<Operation> = (0..OPERATIONS.len())
        .filter(chosen)
        .map(|at| OPERATIONS[at])
        .collect();
    // Without a plug-in there is not much to do.
    on.extend([making::plugin as Operation, using::call]);
    for _ in 0..OPERATIONS_MAX {
        if u.is_empty() {
            break;
        }
        let operation = match u.ratio(1, 12)? {
            true => u.choose(&RARE)?,
            false => u.choose(&on)?,
        };
        operation(world, u)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::library::NAMES;

    #[test]
    fn every_function_of_the_header_is_declared() {
        let header = include_str!("../../../include/extism.h");
        let mut there: Vec<&str> = header
            .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .filter(|word| word.starts_with("extism_"))
            .collect();
        there.sort_unstable();
        there.dedup();
        let mut declared = NAMES.to_vec();
        declared.sort_unstable();
        assert_eq!(declared, there);
    }
}

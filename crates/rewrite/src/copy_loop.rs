//! Loops that copy between kernel memory and the module's own, one access per round.
//!
//! Published kits copy in such loops: a read on one side, a write on the other, both addresses one
//! step further each round. They are recognised by what they do, not by how they are written. Knows
//! nothing of where code is put. Invariant: the first rounds of a loop found here do nothing but
//! copy bytes in order and change locals by fixed steps, for as long as the loop's own test says
//! that it goes on and both addresses stay inside of their memories; [`guard`] asks just that.

mod guard;
mod operator;
mod round;
mod symbolic;

use extism_abi::layout::PAGE_BYTES;
use wasm_encoder::MemoryType;

pub(crate) use guard::Guard;

use crate::access::{Access, Width};
use crate::types::ValType;
use round::{GuestEnd, KernelEnd, Round};
use symbolic::{Local, Relation, Steps, Sum, Test};

pub(crate) use symbolic::Word;

/// A loop that copies.
#[derive(Clone, Debug)]
pub(crate) struct CopyLoop {
    /// Position of the loop in the body's code.
    pub(crate) offset: usize,
    kernel: KernelEnd,
    guest: GuestEnd,
    width: Width,
    steps: Steps,
    pace: Pace,
    /// The 32-bit numbers that are extended on the way, each with whether it has a sign. What is
    /// known of them holds until they wrap around.
    extensions: Vec<(Sum, bool)>,
}

/// How many rounds the loop's test allows, at least.
#[derive(Clone, Debug)]
struct Pace {
    /// What has to hold before the first round for the rest to be true.
    first: Option<Test>,
    /// How far the test is from failing, without a sign.
    distance: Sum,
    /// How much nearer each round comes.
    step: u64,
    /// Whether one round has to be left to the loop, so that all it sets in passing gets set. A loop
    /// that ends with its test always makes one.
    leave_one: bool,
}

/// What a loop's code refers to.
pub(crate) struct Surroundings<'a> {
    /// The type of a local, if it is an integer.
    pub(crate) local: &'a dyn Fn(u32) -> Option<Word>,
    /// What a function stands for, if its calls become instructions.
    pub(crate) access: &'a dyn Fn(u32) -> Option<Access>,
}

/// How many instructions may still be looked at: a body's loops may lie inside of each other, and each
/// is looked at on its own.
pub(crate) struct Work(usize);

impl Work {
    /// Enough for a body with that many bytes of code.
    pub(crate) fn for_bytes(bytes: usize) -> Self {
        Work(bytes.saturating_mul(4))
    }

    fn spend(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

impl CopyLoop {
    /// Whether loops over an access can be copies at all.
    pub(crate) fn may_have(access: Access) -> bool {
        !matches!(
            access,
            Access::InputLength | Access::InputOffset | Access::Grow(_)
        )
    }

    /// Whether copies from and to this memory, the module's first, can be made in one go.
    pub(crate) fn memory_fits(memory: &MemoryType) -> bool {
        let page_log2 = PAGE_BYTES.trailing_zeros();
        let ordinary_pages = memory.page_size_log2.is_none_or(|log2| log2 == page_log2);
        ordinary_pages && !memory.memory64 && !memory.shared
    }

    /// The loop that begins at that position of a body's code, if it copies.
    pub(crate) fn find(
        code: &[u8],
        offset: usize,
        surroundings: &Surroundings<'_>,
        work: &mut Work,
    ) -> Option<CopyLoop> {
        let ways = [false, true].into_iter();
        ways.filter_map(|taken| round::follow(code, offset, taken, surroundings, work))
            .find_map(|round| CopyLoop::of_round(offset, round, surroundings))
    }

    fn of_round(offset: usize, round: Round, surroundings: &Surroundings<'_>) -> Option<CopyLoop> {
        let width = match round.kernel.access {
            Access::Load(width) | Access::Store(width) | Access::InputLoad(width) => width,
            Access::InputLength | Access::InputOffset | Access::Grow(_) => return None,
        };
        let steps = steps(&round, surroundings)?;
        let moves_on = |address: &Sum| address.step(&steps) == width.bytes();
        if round.guest.width != width
            || !moves_on(&round.kernel.address)
            || !moves_on(&round.guest.address)
        {
            return None;
        }
        let mut extensions: Vec<(Sum, bool)> = Vec::new();
        for sum in [&round.kernel.address, &round.test.left, &round.test.right] {
            for (sum, signed) in sum.extensions() {
                let known = extensions
                    .iter()
                    .any(|known| *known == (sum.clone(), signed));
                if !known && sum.step(&steps) != 0 {
                    extensions.push((sum.clone(), signed));
                }
            }
        }
        let pace = pace(round.test, round.test_is_last, &steps)?;
        Some(CopyLoop {
            offset,
            kernel: round.kernel,
            guest: round.guest,
            width,
            steps,
            pace,
            extensions,
        })
    }
}

/// The locals that change by a fixed step. The others that a round sets must not be read before: each
/// round sets them anew, so that the last one decides what they hold.
fn steps(round: &Round, surroundings: &Surroundings<'_>) -> Option<Steps> {
    let mut steps = Steps::default();
    for (index, sum) in &round.locals {
        let word = (surroundings.local)(*index);
        let old = word.map(|word| {
            let index = *index;
            Local { index, word }
        });
        let change = match (sum, old) {
            (Some(sum), Some(old)) => sum
                .clone()
                .minus(&Sum::local(old))
                .and_then(|change| change.as_constant())
                .map(|change| (old, old.word.signed(change))),
            _ => None,
        };
        match change {
            Some(step) => steps.0.push(step),
            None if round.read.binary_search(index).is_ok() => return None,
            None => {}
        }
    }
    steps.0.retain(|(_, step)| *step != 0);
    Some(steps)
}

/// How long the test goes on holding.
fn pace(test: Test, is_last: bool, steps: &Steps) -> Option<Pace> {
    let (left, right) = (test.left.step(steps), test.right.step(steps));
    let (first, distance, step) = match test.relation {
        Relation::Equal => return None,
        // Goes on until the two meet, whichever way round the circle of numbers.
        Relation::Differ => {
            let ahead = test.left.minus(&test.right)?;
            match ahead.step(steps) {
                0 => return None,
                step if step < 0 => (None, ahead, step),
                step => (None, ahead.times(u64::MAX), step),
            }
        }
        // Goes on while one side comes nearer to the other, which stands still.
        Relation::Less { .. } | Relation::AtMost { .. } => {
            let step = match (left, right) {
                (step, 0) if step > 0 => step,
                (0, step) if step < 0 => step,
                _ => return None,
            };
            let distance = test.right.clone().minus(&test.left)?;
            (Some(test), distance, step)
        }
    };
    Some(Pace {
        first,
        distance,
        step: step.unsigned_abs(),
        leave_one: !is_last,
    })
}

/// The type of a local that can be part of a sum.
pub(crate) fn word(ty: ValType) -> Option<Word> {
    match ty {
        ValType::I32 => Some(Word::I32),
        ValType::I64 => Some(Word::I64),
        _ => None,
    }
}

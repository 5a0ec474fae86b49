//! Runs a target without coverage: over the committed inputs, then over changed ones.
//!
//! Must not know: what a target does. Invariant: an input that fails is printed in full before the panic
//! goes on, in the form in which it can be committed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::input::{self, Numbers, fixtures};
use crate::target::Target;

/// How much is to be done; what is reached first ends the run.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The number the inputs are made from.
    pub seed: u64,
    /// How many inputs are made, beside the committed ones.
    pub executions: u64,
    /// How long it may take.
    pub time: Option<Duration>,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How often the target was executed, committed inputs included.
    pub executions: u64,
    /// How many of them were committed.
    pub fixtures: u64,
    /// How long it took.
    pub time: Duration,
}

/// Runs a target.
///
/// # Errors
///
/// If a committed input cannot be read.
///
/// # Panics
///
/// If something is wrong with what the target looks at; the input was printed then.
pub fn run(target: &Target, effort: Effort) -> io::Result<Outcome> {
    let started = Instant::now();
    let fixtures = fixtures(target.name)?;
    for fixture in &fixtures {
        execute(target, &fixture.bytes, &fixture.path.display().to_string());
    }
    let seeds: Vec<Vec<u8>> = fixtures.into_iter().map(|fixture| fixture.bytes).collect();
    let mut numbers = Numbers::new(effort.seed);
    let mut made = 0;
    while made < effort.executions {
        if effort.time.is_some_and(|time| started.elapsed() >= time) {
            break;
        }
        let input = input::make(&mut numbers, &seeds, target.words, target.bytes_max);
        let origin = format!("input {made} of seed {}", effort.seed);
        execute(target, &input, &origin);
        made += 1;
    }
    Ok(Outcome {
        executions: made + seeds.len() as u64,
        fixtures: seeds.len() as u64,
        time: started.elapsed(),
    })
}

fn execute(target: &Target, input: &[u8], origin: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("{}: {origin} fails:\n{hex}", target.name);
        eprintln!("as text: {}", input.escape_ascii());
        resume_unwind(panic);
    }
}

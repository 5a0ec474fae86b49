//! One loop run from one start with the pass off and on: what it leaves behind, and what it took.
//!
//! Modules export their loop as `run`, their memory of one page as `memory`, and as `noted` an i32
//! that tells of side effects. What was executed is counted, since a copy made at once shows in
//! nothing else.

use std::sync::LazyLock;

use wasmi::{Val, ValType};

use super::{MODES, PAGES_MIN, Run};

/// Bytes of the module's memory, and of kernel memory.
pub(crate) const GUEST: i64 = 65_536;
pub(crate) const KERNEL: i64 = PAGES_MIN as i64 * 65_536;

const INPUT_AT: u64 = 64;

/// What the module's memory holds at the start.
static PATTERN: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..GUEST).map(|at| (at * 31 + at / 251) as u8).collect());

/// What a loop is run from.
pub(crate) struct Start {
    pub(crate) input_length: u64,
    pub(crate) arguments: Vec<Val>,
}

/// What a run leaves behind, and what it took.
pub(crate) struct Outcome {
    pub(crate) left: (String, String, Vec<u8>, Vec<u8>),
    pub(crate) rounds: usize,
    pub(crate) fuel: u64,
}

/// The module in every mode. It has been called once: the interpreter compiles a function when it is
/// called first, and that costs fuel too.
pub(crate) fn runs(wasm: &[u8]) -> [Run; 3] {
    MODES.map(|mode| {
        let mut run = Run::new(wasm, mode).unwrap_or_else(|error| panic!("{error}"));
        let function = run
            .instance
            .get_func(&run.store, "run")
            .expect("it is exported");
        let ty = function.ty(&run.store);
        let arguments = ty.params().iter().map(|ty| match ty {
            ValType::I32 => Val::I32(-1),
            _ => Val::I64(0),
        });
        run.call("run", &arguments.collect::<Vec<_>>());
        run
    })
}

pub(crate) fn outcome(run: &mut Run, start: &Start) -> Outcome {
    run.guest_bytes().copy_from_slice(&PATTERN);
    run.input(INPUT_AT, start.input_length);
    let (rounds, fuel) = (run.store.data().access_calls(), run.fuel_used());
    let result = run.call("run", &start.arguments);
    let fuel = run.fuel_used() - fuel;
    let noted = run.call("noted", &[]);
    Outcome {
        left: (
            result,
            noted,
            run.guest_bytes().to_vec(),
            run.kernel_bytes().to_vec(),
        ),
        rounds: run.store.data().access_calls() - rounds,
        fuel,
    }
}

/// Runs from one start in every mode. How many of those with the pass on copied at once.
pub(crate) fn same(runs: &mut [Run; 3], start: &Start) -> usize {
    let [off, define, import] = runs;
    let expected = outcome(off, start);
    let each = [define, import].map(|run| {
        let found = outcome(run, start);
        assert!(
            found.left == expected.left,
            "{:?}: {}, not {}",
            start.arguments,
            found.left.0,
            expected.left.0
        );
        usize::from(found.fuel < expected.rounds as u64 * 10)
    });
    each.into_iter().sum()
}

//! Loops that copy: some rounds at once where that is the same, and never another outcome.
//!
//! Loops made at random are run with the pass off and on from many starts: ranges that begin or end at,
//! before and behind every end there is, numbers that wrap around, tests that hold for ever or not at
//! all.

mod support;

use std::collections::BTreeMap;

use support::copying::{Copying, FLAWS, LOCALS, copying, flawed};
use support::outcome::{GUEST, KERNEL, Start, outcome, runs};
use support::random::Random;
use support::{DEFINE, pass, wat};
use wasmi::Val;

/// Numbers that nothing expects.
const HOSTILE: [i64; 22] = [
    0,
    1,
    -1,
    -8,
    -128,
    63,
    64,
    65,
    i64::MIN,
    i64::MAX,
    1 << 31,
    (1 << 31) - 100,
    (1 << 31) - 2000,
    1 << 32,
    (1 << 32) + 64,
    (1 << 32) - 100,
    (1 << 32) - 2000,
    1 << 35,
    i64::MAX - 2000,
    i64::MAX - 100,
    GUEST,
    KERNEL,
];

/// A start from which the loop makes so many rounds, or would if nothing were in the way.
fn start(random: &mut Random, copying: &Copying) -> Start {
    let width = copying.kind.width;
    let rounds = [0, 1, 15, 16, 17, 18, 20, 40, 100, 200, 300, 1000][random.below(12)];
    let bytes = rounds * width;
    let near = |random: &mut Random, end: i64| {
        end - bytes + [0, 0, 0, -1, 1, width, -width][random.below(7)]
    };
    let input_length = [0, 100, 1000, 8192, 50_000][random.below(5)];
    let kernel = match (copying.kind.import.starts_with("input"), random.below(3)) {
        (true, 0) => near(random, input_length),
        (true, _) => [0, 1, 8][random.below(3)],
        (false, 0) => near(random, KERNEL),
        (false, _) => [56, 63, 64, 64, 65, 1000, 4096][random.below(7)],
    };
    let guest = match random.below(2) {
        0 => near(random, GUEST) - [0, 0, 8, 1000, 65_000][random.below(5)],
        _ => [0, 1, 8, 500, 1000, 30_000][random.below(6)],
    };
    let turned = [0, 0, 0, 100, -100][random.below(5)];
    let (tested, step) = copying.tested;
    let mut values = BTreeMap::from([
        ("base", kernel),
        ("index", turned),
        ("pointer", kernel),
        ("small", turned),
        ("to", guest),
        ("start", guest),
        ("left", rounds * width.min(step.abs())),
        ("few", rounds * step.abs()),
    ]);
    let off = [0, 0, 0, 0, 1, -1][random.below(6)];
    let until = values
        .get(tested)
        .map_or(0, |from| from + rounds * step + off);
    values.extend([("limit", until), ("end", until)]);
    if random.below(3) == 0 {
        let (name, _) = LOCALS[random.below(LOCALS.len())];
        values.insert(name, HOSTILE[random.below(HOSTILE.len())]);
    }
    let value = |(name, ty): &(&str, &str)| {
        let value = values.get(name).copied().unwrap_or(7);
        if *ty == "i32" {
            Val::I32(value as i32)
        } else {
            Val::I64(value)
        }
    };
    Start {
        input_length: input_length as u64,
        arguments: LOCALS.iter().map(value).collect(),
    }
}

/// How often rounds were made at once, and how often they could not be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    copied: usize,
    refused: usize,
    short: usize,
    traps: usize,
}

/// Runs a loop from many starts in every mode.
fn compare(
    random: &mut Random,
    copying: &Copying,
    starts: usize,
    tally: &mut BTreeMap<&str, Tally>,
) {
    let wasm = wat(&copying.text);
    let mut runs = runs(&wasm);
    let tally = tally.entry(copying.kind.import).or_default();
    for _ in 0..starts {
        let start = start(random, copying);
        let [off, define, import] = &mut runs;
        let expected = outcome(off, &start);
        for run in [define, import] {
            let found = outcome(run, &start);
            let same = found.left == expected.left;
            assert!(
                same,
                "{}\n{:?} input {}\n{:?}\n{:?}\n{} rounds",
                copying.text,
                start.arguments,
                start.input_length,
                (&expected.left.0, &expected.left.1),
                (&found.left.0, &found.left.1),
                expected.rounds
            );
            assert_eq!(found.rounds, 0, "no access reaches the host");
            // A round is twenty instructions or more.
            let at_once = found.fuel < expected.rounds as u64 * 10;
            match expected.rounds {
                0..20 => tally.short += 1,
                _ if at_once => tally.copied += 1,
                _ => tally.refused += 1,
            }
        }
        tally.traps += usize::from(expected.left.0.starts_with("trap"));
    }
}

#[test]
fn loops_run_the_same() {
    let mut tally = BTreeMap::new();
    let mut seen = 0;
    for seed in 0..250 {
        let mut random = Random::new(seed);
        let copying = copying(&mut random);
        seen += pass(&wat(&copying.text), DEFINE)
            .expect("it can be rewritten")
            .copy_loops;
        compare(&mut random, &copying, 10, &mut tally);
    }
    assert_eq!(seen, 219, "loops recognised");
    for (import, tally) in tally {
        let Tally {
            copied,
            refused,
            short,
            traps,
        } = tally;
        let enough = copied >= 30 && refused >= 50 && short >= 200 && traps >= 50;
        assert!(enough, "{import}: {tally:?}");
    }
}

/// Loops with one thing about them that no copy has.
#[test]
fn loops_that_are_no_copies_are_left_alone() {
    let mut tally = BTreeMap::new();
    for (number, flaw) in FLAWS.into_iter().enumerate() {
        for seed in 0..30 {
            let mut random = Random::new(seed * 100 + number as u64);
            let loops = |copying: &Copying| {
                pass(&wat(&copying.text), DEFINE).map(|rewritten| rewritten.copy_loops)
            };
            let copying = flawed(&mut random, flaw);
            assert_eq!(loops(&copying), Ok(0), "{flaw:?}\n{}", copying.text);
            compare(&mut random, &copying, 4, &mut tally);
        }
    }
    assert!(tally.values().all(|tally| tally.copied == 0), "{tally:#?}");
}

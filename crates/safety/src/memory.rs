//! Runs a row of the memory suite: what is used is given back.
//!
//! Must not know: allocators. Invariant: a measure is taken after a warm-up, since the first of everything
//! costs more than the next.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use extism_runtime::{CompiledPlugin, Limits, Options, Plugin, Status};

use crate::exhaustion::rewriting;
use crate::runner::{Run, SKIPPED};
use crate::suite::Scenario;
use crate::witness::State;

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Scenario = table.try_into()?;
    if State::now().is_none() {
        println!("{SKIPPED}this system does not say what a process uses");
        return Ok(());
    }
    match row.scenario.as_str() {
        "plugins_come_and_go" => plugins_come_and_go(run),
        "modules_come_and_go" => modules_come_and_go(run),
        "a_large_call" => a_large_call(run),
        "soak" => soak(run),
        scenario => bail!("{scenario} is no scenario"),
    }
}

const SOURCE: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (memory (export "memory") 2)
    (func (export "echo") (call $output (call $offset) (call $length)))
    (func (export "grow") (drop (memory.grow (i32.const 160)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 10000000)))
    (func (export "trap") (drop (call $alloc (i64.const 100000))) unreachable)
    (func (export "loop") (loop br 0)))"#;

fn options(run: Run, call_time_max: Duration) -> Options {
    Options {
        wasi: true,
        rewrite: rewriting(run),
        limits: Limits {
            call_time_max: Some(call_time_max),
            ..Limits::default()
        },
        ..Options::default()
    }
}

/// What no call reaches on any machine, and what an endless one soon does.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(10);

const MIB: u64 = 1 << 20;

/// Runs `round` so often, a tenth of it to warm up, and compares the memory before and after the rest.
fn flat(rounds: u64, mut round: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let warm_up = rounds / 10;
    (0..warm_up).try_for_each(&mut round)?;
    let before = State::known()?;
    (warm_up..rounds).try_for_each(&mut round)?;
    let after = State::known()?;
    let more = after.resident_bytes.saturating_sub(before.resident_bytes);
    let allowed = 4 * MIB + (rounds - warm_up) * MIB / 10_000;
    ensure!(
        more <= allowed,
        "{} KiB more after {rounds} rounds, allowed are {}",
        more >> 10,
        allowed >> 10
    );
    ensure!(
        after.descriptors <= before.descriptors + 2,
        "files stay open"
    );
    ensure!(after.threads <= before.threads + 2, "threads stay");
    Ok(())
}

/// Plug-ins of one compiled plug-in.
fn plugins_come_and_go(run: Run) -> Result<()> {
    let compiled = CompiledPlugin::new(SOURCE, options(run, LONG))?;
    flat(run.scale.of(3_000, 100_000), |_| {
        let mut plugin = Plugin::new(&compiled)?;
        ensure!(plugin.call("echo", b"x").code == 0, "it does not work");
        Ok(())
    })
}

/// Modules nobody has seen before.
fn modules_come_and_go(run: Run) -> Result<()> {
    flat(run.scale.of(300, 5_000), |n| {
        let text = format!("(module (func (export \"run\") (result i32) i32.const {n}))");
        let mut plugin = Plugin::load(text.as_str(), options(run, LONG))?;
        ensure!(
            i64::from(plugin.call("run", b"").code) == n as i64,
            "another module"
        );
        Ok(())
    })
}

/// One call with a large input and output: its pages go back to the system when the plug-in is made anew, and
/// when it goes.
fn a_large_call(run: Run) -> Result<()> {
    const LARGE: usize = 256 << 20;
    const STAYS: u64 = 24 * MIB;
    let compiled = CompiledPlugin::new(SOURCE, options(run, LONG))?;
    let mut plugin = Plugin::new(&compiled)?;
    ensure!(plugin.call("echo", b"x").code == 0, "it does not work");
    let before = State::known()?.resident_bytes;
    let large = |plugin: &mut Plugin| -> Result<()> {
        ensure!(plugin.call("echo", &vec![7; LARGE]).code == 0, "too large");
        ensure!(plugin.output().len() == LARGE, "not all of it");
        let used = State::known()?.resident_bytes - before;
        ensure!(
            used >= LARGE as u64,
            "{} MiB: nothing was measured",
            used / MIB
        );
        Ok(())
    };
    let given_back = |how: &str| -> Result<()> {
        let stays = State::known()?.resident_bytes.saturating_sub(before);
        ensure!(stays <= STAYS, "{how}: {} MiB stay", stays / MIB);
        Ok(())
    };
    large(&mut plugin)?;
    plugin.reset();
    given_back("reset")?;
    large(&mut plugin)?;
    plugin.renew()?;
    given_back("made anew")?;
    large(&mut plugin)?;
    drop(plugin);
    given_back("gone")
}

/// A mixture of good and bad plug-ins for a while: memory, files, threads and the time of a good call stay as
/// they are.
fn soak(run: Run) -> Result<()> {
    let length = run
        .scale
        .of(Duration::from_secs(4), Duration::from_secs(1_800));
    let compiled = CompiledPlugin::new(SOURCE, options(run, LONG))?;
    let short = CompiledPlugin::new(SOURCE, options(run, SHORT))?;
    let mut good = Plugin::new(&compiled)?;
    let begun = Instant::now();
    let mut halves = [Times::new(), Times::new()];
    let mut before = None;
    while begun.elapsed() < length {
        let half = usize::from(begun.elapsed() * 2 > length);
        if half == 1 && before.is_none() {
            before = Some(State::known()?);
        }
        let mut bad = Plugin::new(&short)?;
        let status = bad.call("loop", b"").status();
        ensure!(status == Status::Timeout, "{status:?}");
        let mut bad = Plugin::new(&compiled)?;
        for (name, status) in [
            ("trap", Status::TrapUnreachable),
            ("grow", Status::Ok),
            ("none", Status::FunctionNotFound),
        ] {
            let found = bad.call(name, b"").status();
            ensure!(found == status, "{name}: {found:?}");
        }
        drop(bad);
        for _ in 0..50 {
            let called = Instant::now();
            ensure!(
                good.call("echo", &[1; 1_000]).code == 0,
                "the good one is disturbed"
            );
            halves[half].count(called.elapsed());
        }
    }
    let (before, after) = (before.context("too short")?, State::known()?);
    ensure!(
        after.resident_bytes <= before.resident_bytes + 8 * MIB,
        "{} MiB became {}",
        before.resident_bytes / MIB,
        after.resident_bytes / MIB
    );
    ensure!(
        after.descriptors <= before.descriptors + 2,
        "files stay open"
    );
    ensure!(after.threads <= before.threads + 2, "threads stay");
    // On a busy machine the slowest calls are those of its neighbours, so the median decides.
    let [first, second] = halves.map(|times| times.median());
    ensure!(
        second <= first * 2,
        "a call took {first:?}, later {second:?}"
    );
    Ok(())
}

/// How often something took how long, in tenths of a microsecond. As large after millions as at the start:
/// kept one by one, they would be the memory that grows.
struct Times {
    counts: Vec<u64>,
}

impl Times {
    /// What takes a millisecond or more is counted as that.
    const KINDS: usize = 10_000;
    const STEP: Duration = Duration::from_nanos(100);

    fn new() -> Times {
        Times {
            counts: vec![0; Times::KINDS],
        }
    }

    fn count(&mut self, took: Duration) {
        let steps = took.as_nanos() / Times::STEP.as_nanos();
        self.counts[(steps as usize).min(Times::KINDS - 1)] += 1;
    }

    fn median(&self) -> Duration {
        let half = self.counts.iter().sum::<u64>() / 2;
        let mut below = 0;
        let reaches_half = |count: &u64| {
            below += count;
            below > half
        };
        let steps = self.counts.iter().position(reaches_half).unwrap_or(0);
        Times::STEP * (steps as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_counted_times() {
        let mut times = Times::new();
        for nanos in [50, 1_230, 1_250, 90_000, 7_000_000_000] {
            times.count(Duration::from_nanos(nanos));
        }
        assert_eq!(times.median(), Duration::from_nanos(1_300));
    }
}

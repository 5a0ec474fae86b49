//! What a process looked like before an attack, and whether it still does: memory, files, threads, and a
//! plug-in beside the one that attacks.
//!
//! Must not know: attacks. Invariant: the witness lives on the same engine as the attacker, so what disturbs
//! the engine disturbs it.

use anyhow::{Context, Result, ensure};
use extism_runtime::{Options, Plugin};

const ECHO: &str = r#"(module
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (memory (export "memory") 1)
    (func (export "echo") (drop (call $yield)) (call $output (call $offset) (call $length))))"#;

/// A well-behaved plug-in, and the state of the process after it was made.
pub(crate) struct Witness {
    plugin: Plugin,
    before: Option<State>,
}

impl Witness {
    /// A witness on the engine of these options.
    pub(crate) fn new(options: &Options) -> Result<Witness> {
        let options = Options {
            wasi: true,
            rewrite: options.rewrite,
            fuel: options.fuel.map(|_| u64::MAX),
            ..Options::default()
        };
        let mut witness = Witness {
            plugin: Plugin::load(ECHO, options)?,
            before: None,
        };
        witness.answers()?;
        witness.before = State::now();
        Ok(witness)
    }

    /// The witness works.
    pub(crate) fn answers(&mut self) -> Result<()> {
        let outcome = self.plugin.call("echo", b"witness");
        ensure!(
            outcome.code == 0 && self.plugin.output() == b"witness",
            "another plug-in of the process was disturbed: {outcome:?}"
        );
        Ok(())
    }

    /// The witness works, the process never used more memory than this on top of what it had, and has no more
    /// files open than before. What attacked is gone.
    pub(crate) fn testify(mut self, bytes_max: u64) -> Result<()> {
        self.answers()?;
        let (Some(before), Some(after)) = (&self.before, State::now()) else {
            // Where the system does not say, the rest of the case still holds.
            return Ok(());
        };
        let more = after.peak_bytes.saturating_sub(before.peak_bytes);
        ensure!(
            more <= bytes_max,
            "used {} MiB, allowed are {} MiB",
            more >> 20,
            bytes_max >> 20
        );
        ensure!(
            after.descriptors <= before.descriptors + DESCRIPTORS_OF_WORKERS,
            "{} files were open, now {}",
            before.descriptors,
            after.descriptors
        );
        Ok(())
    }
}

/// What WASI's workers and a thread's first use of the random numbers open once.
pub(crate) const DESCRIPTORS_OF_WORKERS: usize = 8;

/// What the system says about this process.
pub(crate) struct State {
    /// The most memory it ever had.
    pub(crate) peak_bytes: u64,
    /// The memory it has.
    pub(crate) resident_bytes: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: u64,
}

impl State {
    /// `None` where the system has no such answers.
    pub(crate) fn now() -> Option<State> {
        let text = std::fs::read_to_string("/proc/self/status").ok()?;
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(":")
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        };
        let files = std::fs::read_dir("/proc/self/fd").ok()?;
        Some(State {
            peak_bytes: number("VmHWM")? << 10,
            resident_bytes: number("VmRSS")? << 10,
            descriptors: files.count(),
            threads: text
                .lines()
                .find_map(|line| line.strip_prefix("Threads:"))?
                .trim()
                .parse()
                .ok()?,
        })
    }

    /// The state, where a case cannot do without.
    pub(crate) fn known() -> Result<State> {
        State::now().context("this system does not say what a process uses")
    }
}

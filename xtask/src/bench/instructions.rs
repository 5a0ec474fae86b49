//! Counting instructions with valgrind: figures that are the same in every run, to compare commits by.
//!
//! Must not know: targets. Invariant: what is counted is calls alone, after the first ones; not loading, not
//! compiling, not other threads.

use std::fs;

use anyhow::{Context, Result};

use super::line::{Line, Unit};
use super::measurement::Measurements;
use super::programs::{Caches, Linked, Programs};
use super::progress::Progress;
use crate::process;

const TOOL: &str = "valgrind";

/// The function of `bench/host.c` inside of which instructions are counted.
const COUNTED: &str = "counted_calls";

/// Rows of `bench/host.c`, and how many calls of each.
const ROWS: &[(&str, u64)] = &[
    ("no-op", 1000),
    ("count_vowels", 1000),
    ("echo 1 MiB", 8),
    ("echo 1 MiB, our kit", 8),
];

/// Why nothing can be counted on this machine, if it cannot.
pub(crate) fn missing_tool() -> Option<String> {
    (!process::is_installed(TOOL)).then(|| format!("no {TOOL}"))
}

/// Instructions per call, of the rows whose name contains the filter.
pub(crate) fn count(
    programs: &Programs,
    filter: Option<&str>,
    progress: &Progress,
) -> Result<Measurements> {
    let mut all = Measurements::default();
    for (row, calls) in ROWS {
        if filter.is_some_and(|filter| !row.contains(filter)) {
            continue;
        }
        for linked in programs.libraries() {
            progress.part(&format!("instructions  {row}  {}", linked.side.name()));
            let total = count_calls(programs, linked, row, *calls)
                .with_context(|| format!("row `{row}`, {}", linked.side.name()))?;
            all.add(
                linked.side,
                Line {
                    row: (*row).to_string(),
                    unit: Unit::Instructions,
                    value: total as f64 / *calls as f64,
                    count: None,
                },
            )?;
        }
    }
    progress.clear();
    Ok(all)
}

fn count_calls(programs: &Programs, linked: &Linked, row: &str, calls: u64) -> Result<u64> {
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("callgrind.out");
    let mut command = programs.command(TOOL, Caches::AsUsual);
    command
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(&linked.host)
        .args(["repeat", &calls.to_string(), row]);
    process::stdout_of(command)?;
    total(&fs::read_to_string(&file)?)
}

/// The sum that callgrind writes at the end of what it found.
fn total(text: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    let sum = line.context("callgrind has written no sum")?.trim();
    let sum = sum.parse().ok().filter(|sum| *sum > 0);
    sum.with_context(|| format!("callgrind has not seen {COUNTED}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rows::{self, Source};

    #[test]
    fn the_sum_is_read() {
        let text = "version: 1\nevents: Ir\n\nfn=(1)\n0 17\n\ntotals: 1184490\n";
        assert_eq!(total(text).unwrap(), 1_184_490);
        for (text, expected) in [
            ("events: Ir\n", "callgrind has written no sum"),
            ("totals: 0\n", "callgrind has not seen counted_calls"),
            ("totals: x\n", "callgrind has not seen counted_calls"),
        ] {
            assert_eq!(total(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn counted_rows_are_rows_of_the_host() {
        for (name, calls) in ROWS {
            assert!(*calls > 0);
            let row = rows::find(name).unwrap();
            assert!(matches!(row.source, Source::Host(_)), "{name}");
        }
    }
}

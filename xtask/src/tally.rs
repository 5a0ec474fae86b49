//! Counting tests: what the runners we use print at their end, as three numbers.
//!
//! Must not know: how a runner is started. Invariant: a line that is not a closing line counts nothing.

use std::fmt;
use std::ops::AddAssign;

/// Tests passed, failed and skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One check that passed.
    pub(crate) const PASSED: Tally = Tally {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    /// One check that failed.
    pub(crate) const FAILED: Tally = Tally {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    /// One check that did not run.
    pub(crate) const SKIPPED: Tally = Tally {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    /// The sum of all closing lines in a runner's output: those of `cargo test`, of `cargo nextest`, and the
    /// line every runner of this project ends with.
    pub(crate) fn read(output: &str) -> Tally {
        let mut total = Tally::default();
        // What a failed test printed is shown indented and is not the runner's own.
        for line in output.lines() {
            if let Some((_, counts)) = line
                .strip_prefix("test result:")
                .and_then(|rest| rest.split_once('.'))
            {
                total += counted(counts, ';');
            } else if let Some(counts) = nextest_counts(line.trim_start()) {
                total += counted(&counts, ',');
            } else if is_house_line(line) {
                total += counted(line, ',');
            }
        }
        total
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The part of nextest's summary after `tests run:`, without its remarks in brackets.
fn nextest_counts(line: &str) -> Option<String> {
    let (_, counts) = line.strip_prefix("Summary [")?.split_once(" run:")?;
    let mut depth = 0_u32;
    let mut plain = String::new();
    for character in counts.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    Some(plain)
}

fn is_house_line(line: &str) -> bool {
    let labels: Vec<&str> = line
        .split(", ")
        .filter_map(|item| number_and_label(item).map(|(_, label)| label))
        .collect();
    labels == ["passed", "failed", "skipped"]
}

fn counted(counts: &str, separator: char) -> Tally {
    let mut tally = Tally::default();
    for (number, label) in counts.split(separator).filter_map(number_and_label) {
        match label {
            "passed" => tally.passed += number,
            "failed" | "exec failed" | "timed out" => tally.failed += number,
            "skipped" | "ignored" => tally.skipped += number,
            _ => {}
        }
    }
    tally
}

fn number_and_label(item: &str) -> Option<(u64, &str)> {
    let (number, label) = item.trim().split_once(' ')?;
    Some((number.parse().ok()?, label.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, passed: u64, failed: u64, skipped: u64) {
        assert_eq!(
            Tally::read(output),
            Tally {
                passed,
                failed,
                skipped
            },
            "{output}"
        );
    }

    #[test]
    fn cargo_test_lines_are_summed() {
        check(
            "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; \
             finished in 0.01s\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered \
             out; finished in 0.00s",
            5,
            1,
            1,
        );
    }

    #[test]
    fn nextest_summaries_count_every_kind_of_failure() {
        check(
            "     Summary [   0.006s] 1 test run: 1 passed, 0 skipped",
            1,
            0,
            0,
        );
        check(
            "     Summary [  61.206s] 9/12 tests run: 5 passed (2 slow, 1 flaky), 2 failed (1 due to being \
             leaky), 1 exec failed, 1 timed out, 3 skipped",
            5,
            4,
            3,
        );
    }

    #[test]
    fn the_house_line_round_trips() {
        let tally = Tally {
            passed: 12,
            failed: 3,
            skipped: 1,
        };
        assert_eq!(tally.to_string(), "12 passed, 3 failed, 1 skipped");
        assert_eq!(Tally::read(&tally.to_string()), tally);
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored",
            0,
            0,
            0,
        );
        check(
            "test a::b ... ok\n3 passed\n1 passed, 2 failed\nSummary [x] nothing\n5 passed, x failed, 1 skipped",
            0,
            0,
            0,
        );
    }
}

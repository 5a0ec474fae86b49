//! What a run says: failures as they happen, skipped cases by their reasons, and one closing line.
//!
//! Must not know: how a case is judged. Invariant: a run without a failure says nothing but what it skipped
//! and the closing line.

use std::collections::BTreeMap;

use serde_json::json;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    /// One line of JSON for each case.
    Json,
}

/// The end of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// What was sent, expected and got.
    Failed(String),
    /// Why it was not run, or does not count.
    Skipped(String),
}

/// The results of a run.
pub(crate) struct Report {
    format: Format,
    passed: u32,
    failed: u32,
    /// How often, by reason.
    skipped: BTreeMap<String, u32>,
}

impl Report {
    pub(crate) fn new(format: Format) -> Report {
        Report {
            format,
            passed: 0,
            failed: 0,
            skipped: BTreeMap::new(),
        }
    }

    /// Counts a case, and shows it if it failed.
    pub(crate) fn add(&mut self, name: &str, verdict: &Verdict) {
        let (word, text) = match verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::Failed(why) => ("failed", why.as_str()),
            Verdict::Skipped(why) => ("skipped", why.as_str()),
        };
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(why) => *self.skipped.entry(why.clone()).or_default() += 1,
        }
        if self.format == Format::Json {
            println!("{}", json!({"case": name, "result": word, "text": text}));
        } else if let Verdict::Failed(why) = verdict {
            println!("{name}\n    {}", why.replace('\n', "\n    "));
        }
    }

    /// Whether nothing failed.
    pub(crate) fn is_success(&self) -> bool {
        self.failed == 0
    }

    /// Prints the end.
    pub(crate) fn close(&self) {
        if self.format == Format::Text {
            for (reason, count) in &self.skipped {
                println!("{count} skipped: {reason}");
            }
        }
        println!("{}", self.closing_line());
    }

    fn closing_line(&self) -> String {
        let skipped: u32 = self.skipped.values().sum();
        format!(
            "{} passed, {} failed, {skipped} skipped",
            self.passed, self.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted() {
        let mut report = Report::new(Format::Json);
        report.add("a/a", &Verdict::Passed);
        report.add("a/b", &Verdict::Skipped("no threads".to_owned()));
        report.add("a/c", &Verdict::Skipped("no files".to_owned()));
        assert!(report.is_success());
        report.add("a/d", &Verdict::Failed("because".to_owned()));
        assert!(!report.is_success());
        assert_eq!(report.closing_line(), "1 passed, 1 failed, 2 skipped");
    }
}

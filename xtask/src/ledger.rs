//! What campaigns have done: `fuzz/ledger.toml`, from which docs/testing.md is made.
//!
//! Must not know: how anything is run. Invariant: a number in it was counted by a program that ran; nothing
//! is written by hand but the names of findings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::project::Project;

pub(crate) const PATH: &str = "fuzz/ledger.toml";

const HEADER: &str = "\
# What campaigns have run, summed up: written by `cargo xtask fuzz` and `cargo xtask campaign`. By hand only
# the names of findings: files of fuzz/crashes or tests, one for each.

";

/// All of it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    /// Runs of libFuzzer, by target.
    #[serde(default)]
    pub(crate) fuzz: BTreeMap<String, Fuzz>,
    /// The last run of cargo-mutants, by package, and by share where one was run in shares.
    #[serde(default)]
    pub(crate) mutation: BTreeMap<String, Mutation>,
    /// The last run of each other part of the campaign, by name.
    #[serde(default)]
    pub(crate) endurance: BTreeMap<String, Endurance>,
}

/// A target, over all runs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fuzz {
    pub(crate) executions: u64,
    pub(crate) seconds: u64,
    /// What was found and mended, by the name of the input or test that stays.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
}

/// A package whose code was changed on purpose.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutation {
    pub(crate) caught: u64,
    pub(crate) missed: u64,
    pub(crate) timed_out: u64,
    /// Changes that do not compile say nothing.
    pub(crate) unviable: u64,
}

impl Mutation {
    /// How many of the changes that compile were noticed, in per cent, rounded down.
    pub(crate) fn per_cent(&self) -> u64 {
        let noticed = self.caught + self.timed_out;
        (noticed * 100)
            .checked_div(noticed + self.missed)
            .unwrap_or(0)
    }
}

/// Something long that ran to its end.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endurance {
    pub(crate) seconds: u64,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Ledger {
    pub(crate) fn load(project: &Project) -> Result<Ledger> {
        if !project.exists(PATH) {
            return Ok(Ledger::default());
        }
        toml::from_str(&project.read(PATH)?).context(PATH)
    }

    /// Changes the ledger of the disk, read anew: a campaign runs for hours.
    pub(crate) fn update(project: &Project, change: impl FnOnce(&mut Ledger)) -> Result<()> {
        let mut ledger = Ledger::load(project)?;
        change(&mut ledger);
        project.write(
            PATH,
            &format!("{HEADER}{}", toml::to_string_pretty(&ledger)?),
        )
    }

    /// Code of a package was changed, all of it or a share of the changes. All of it is more than any shares.
    pub(crate) fn mutated(&mut self, package: &str, share: Option<&str>, mutation: Mutation) {
        let shares = format!("{package}, share ");
        let name = match share {
            Some(share) => shares + share,
            None => {
                self.mutation.retain(|name, _| !name.starts_with(&shares));
                package.to_string()
            }
        };
        self.mutation.insert(name, mutation);
    }

    /// The tables of docs/testing.md.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::from(
            "\n| fuzz target | executions under coverage | minutes | findings |\n| --- | --- | --- | --- |\n",
        );
        for (name, fuzz) in &self.fuzz {
            let findings = match fuzz.findings.len() {
                0 => "none".to_string(),
                _ => fuzz.findings.join(", "),
            };
            let minutes = fuzz.seconds / 60;
            let _ = writeln!(
                text,
                "| `{name}` | {} | {minutes} | {findings} |",
                fuzz.executions
            );
        }
        text.push_str("\n| mutated package | noticed | missed | do not compile | score |\n| --- | --- | --- | --- | --- |\n");
        for (name, mutation) in &self.mutation {
            let noticed = mutation.caught + mutation.timed_out;
            let Mutation {
                missed, unviable, ..
            } = mutation;
            let score = mutation.per_cent();
            let _ = writeln!(
                text,
                "| `{name}` | {noticed} | {missed} | {unviable} | {score} % |"
            );
        }
        if self.endurance.is_empty() {
            text.push_str("\nNo long run of anything else has been recorded yet.\n\n");
            return text;
        }
        text.push_str("\n| long run | seconds | passed | failed | skipped |\n| --- | --- | --- | --- | --- |\n");
        for (name, run) in &self.endurance {
            let Endurance {
                seconds,
                passed,
                failed,
                skipped,
            } = run;
            let _ = writeln!(
                text,
                "| {name} | {seconds} | {passed} | {failed} | {skipped} |"
            );
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_added_to() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project::at(scratch.path());
        for _ in 0..2 {
            Ledger::update(&project, |ledger| {
                let entry = ledger.fuzz.entry("a".to_string()).or_default();
                entry.executions += 10;
                entry.seconds += 45;
            })
            .unwrap();
        }
        let ledger = Ledger::load(&project).unwrap();
        assert_eq!(
            (ledger.fuzz["a"].executions, ledger.fuzz["a"].seconds),
            (20, 90)
        );
        assert!(ledger.tables().contains("| `a` | 20 | 1 | none |"));
        assert!(
            project
                .read(PATH)
                .unwrap()
                .starts_with("# What campaigns have run")
        );
    }

    #[test]
    fn shares_stand_side_by_side_until_all_of_a_package_is_run() {
        let mut ledger = Ledger::default();
        let mutation = |caught| Mutation {
            caught,
            ..Mutation::default()
        };
        for (share, caught) in [("0/2", 3), ("1/2", 4), ("0/2", 5)] {
            ledger.mutated("a", Some(share), mutation(caught));
        }
        let caught = |ledger: &Ledger| {
            ledger
                .mutation
                .values()
                .map(|m| m.caught)
                .collect::<Vec<_>>()
        };
        assert_eq!(caught(&ledger), [5, 4]);
        ledger.mutated("b", None, mutation(7));
        ledger.mutated("a", None, mutation(9));
        assert_eq!(caught(&ledger), [9, 7]);
    }

    #[test]
    fn a_change_that_hangs_is_noticed_and_one_that_does_not_compile_says_nothing() {
        let mutation = Mutation {
            caught: 8,
            missed: 1,
            timed_out: 1,
            unviable: 50,
        };
        assert_eq!(mutation.per_cent(), 90);
        assert_eq!(Mutation::default().per_cent(), 0);
    }
}

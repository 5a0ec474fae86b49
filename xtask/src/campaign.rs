//! The long part of testing, for a release: fuzzing, the whole safety suites, memory checkers, more generated
//! modules and schedules, mutation, a build made twice.
//!
//! Must not know: how a part works inside. Invariant: what ran is in the ledger, with the numbers the
//! programs printed; a part that cannot run says so and fails.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::ledger::{Endurance, Ledger, Mutation};
use crate::memory::{self, Checker};
use crate::process::{self, Echo};
use crate::project::{Project, RELEASE};
use crate::renamed;
use crate::stages::{Job, Report};
use crate::tally::Tally;
use crate::{fuzz, safety, suite, web_core};

/// What `cargo xtask campaign` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this part.
    #[arg(long)]
    part: Option<Part>,
    /// Minutes of a processor for each fuzz target.
    #[arg(long, value_name = "MINUTES", default_value_t = 20)]
    minutes: u64,
    /// Code of this package alone is changed.
    #[arg(long, value_name = "NAME", value_parser = MUTATED)]
    package: Option<String>,
    /// Only one of N shares of the changes to code, numbered from 0.
    #[arg(long, value_name = "K/N")]
    share: Option<String>,
}

/// What a campaign is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every fuzz target, under libFuzzer.
    Fuzz,
    /// The safety suites with the numbers of a release: whole fault injection, the soak of half an hour.
    Safety,
    /// The C tests and sequences of C calls, compiled for AddressSanitizer and LeakSanitizer.
    Asan,
    /// The C tests under valgrind.
    Valgrind,
    /// More generated modules than every day, with the rewriting pass and without.
    Generated,
    /// Random orders of the steps of what stops calls and lends plug-ins.
    Schedules,
    /// Code of the crates without an engine is changed; a test has to notice.
    Mutation,
    /// The C library and the core for pages built twice in different folders: the same bytes.
    Twice,
}

const PARTS: [Part; 8] = [
    Part::Fuzz,
    Part::Safety,
    Part::Asan,
    Part::Valgrind,
    Part::Generated,
    Part::Schedules,
    Part::Mutation,
    Part::Twice,
];

/// The packages whose code is changed, all without an engine.
const MUTATED: [&str; 4] = [
    "extism-policy",
    "extism-kernel",
    "extism-manifest",
    "extism-rewrite",
];

/// How many of the changes have to be noticed, in per cent.
const NOTICED_MIN: u64 = 90;

/// Runs the parts, all of them even if one fails.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let mut failed = Vec::new();
    for part in PARTS
        .iter()
        .filter(|part| options.part.is_none_or(|only| only == **part))
    {
        eprintln!("{part:?}");
        let started = Instant::now();
        let result = match part {
            Part::Fuzz => fuzz::run(project, &fuzz::Options::all(options.minutes)),
            Part::Safety => safe(project),
            Part::Asan => checked(project, Checker::Asan),
            Part::Valgrind => checked(project, Checker::Valgrind),
            Part::Generated => generated(project),
            Part::Schedules => schedules(project),
            Part::Mutation => MUTATED
                .iter()
                .filter(|package| {
                    options
                        .package
                        .as_deref()
                        .is_none_or(|only| only == **package)
                })
                .try_for_each(|package| mutate(project, package, options.share.as_deref())),
            Part::Twice => library_twice(project).and_then(|()| core_twice(project)),
        };
        eprintln!("{part:?}: {} min", started.elapsed().as_secs() / 60);
        failed.extend(result.err().map(|error| format!("{part:?}: {error:#}")));
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn safe(project: &Project) -> Result<()> {
    let options = safety::Options {
        filter: None,
        whole: true,
    };
    endure(project, "safety suites, whole", |job| {
        safety::run(project, &options, job)
    })
}

fn checked(project: &Project, checker: Checker) -> Result<()> {
    endure(project, checker.title(), |job| {
        memory::run(project, checker, job)
    })
}

/// How many seeds modules are generated from, where every day has fewer.
const SEEDS: &str = "100000";

fn generated(project: &Project) -> Result<()> {
    let name =
        format!("modules generated from {SEEDS} seeds, rewritten and not, in a second engine");
    endure(project, &name, |job| {
        let mut command = project.cargo("test");
        command
            .args(["--workspace", "--test", "generated"])
            .env("EXTISM_TEST_SEEDS", SEEDS);
        job.tests(vec![command])
    })
}

/// How many random orders each model is run in.
const SCHEDULES: &str = "100000";

fn schedules(project: &Project) -> Result<()> {
    let name = format!("models of calls and pools, each in {SCHEDULES} random schedules");
    endure(project, &name, |job| {
        let mut command = suite::models_command(project);
        command
            .args(["--features", "shuttle"])
            .env("EXTISM_TEST_SCHEDULES", SCHEDULES);
        job.tests(vec![command])
    })
}

/// Runs something long and records what came of it.
fn endure(project: &Project, name: &str, run: impl FnOnce(&Job) -> Result<Report>) -> Result<()> {
    let started = Instant::now();
    let (tally, text) = match run(&Job::new(Echo::Always))? {
        Report::Passed(tally) => (tally, String::new()),
        Report::Failed(tally, text) => (tally, text),
        Report::Skipped(reason) => bail!("{reason}"),
    };
    record(project, name, started, &tally)?;
    ensure!(tally.failed == 0, "{text}");
    Ok(())
}

fn record(project: &Project, name: &str, started: Instant, tally: &Tally) -> Result<()> {
    let run = Endurance {
        seconds: started.elapsed().as_secs(),
        passed: tally.passed,
        failed: tally.failed,
        skipped: tally.skipped,
    };
    Ledger::update(project, |ledger| {
        ledger.endurance.insert(name.to_string(), run);
    })
}

/// What cargo-mutants writes about a run.
#[derive(Deserialize)]
struct Outcomes {
    caught: u64,
    missed: u64,
    timeout: u64,
    unviable: u64,
}

/// For every change some tests generate modules; what these seeds do not notice, more would hardly.
const SEEDS_PER_CHANGE: &str = "500";

fn mutate(project: &Project, package: &str, share: Option<&str>) -> Result<()> {
    ensure!(
        process::is_installed("cargo-mutants"),
        "cargo-mutants is not installed"
    );
    let folder = project.path("target/mutants").join(package);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut command = project.cargo("mutants");
    command.args([
        "--package",
        package,
        "--no-shuffle",
        "--colors",
        "never",
        "--output",
    ]);
    command.arg(&folder);
    if let Some(share) = share {
        command.args(["--sharding", "round-robin", "--shard", share]);
    }
    command.env("EXTISM_TEST_SEEDS", SEEDS_PER_CHANGE);
    // Its exit code says that something was missed; the score decides here.
    process::run(command, Echo::Always)?;
    let written = folder.join("mutants.out/outcomes.json");
    let text = fs::read_to_string(&written).context("cargo-mutants did not come to an end")?;
    let mutation = read_outcomes(&text)?;
    let score = mutation.per_cent();
    Ledger::update(project, |ledger| {
        ledger.mutated(package, share, mutation);
    })?;
    ensure!(
        score >= NOTICED_MIN,
        "{package}: {score} % noticed; see {}",
        folder.display()
    );
    Ok(())
}

fn read_outcomes(text: &str) -> Result<Mutation> {
    let outcomes: Outcomes = serde_json::from_str(text).context("outcomes.json")?;
    Ok(Mutation {
        caught: outcomes.caught,
        missed: outcomes.missed,
        timed_out: outcomes.timeout,
        unviable: outcomes.unviable,
    })
}

fn library_twice(project: &Project) -> Result<()> {
    twice(project, "library", |folder| {
        let mut command = project.cargo("build");
        command
            .args([RELEASE, "--locked", "--package", "libextism"])
            .env("CARGO_TARGET_DIR", folder)
            .env(renamed::VARIABLE, renamed::release_flags(project, folder)?);
        process::succeed(command)?;
        let library = format!(
            "{}extism{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        );
        Ok(vec![fs::read(folder.join("release").join(library))?])
    })
}

fn core_twice(project: &Project) -> Result<()> {
    twice(project, "core for pages", |folder| {
        web_core::build_into(project, folder)
    })
}

/// Builds something in two folders of different names, from nothing; `build` answers the bytes of its files.
fn twice(
    project: &Project,
    what: &str,
    build: impl Fn(&Path) -> Result<Vec<Vec<u8>>>,
) -> Result<()> {
    let started = Instant::now();
    let built = |name: &str| {
        let folder = project.path("target/twice").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        build(&folder)
    };
    let (once, again) = (built("once")?, built("another-time")?);
    ensure!(once == again, "{what}: two builds differ");
    let name = format!("{what} built twice, the same bytes");
    record(project, &name, started, &Tally::PASSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcomes_of_cargo_mutants() {
        let text = r#"{"outcomes":[],"total_mutants":10,"missed":1,"caught":7,"timeout":1,"unviable":1,"success":0}"#;
        let expected = Mutation {
            caught: 7,
            missed: 1,
            timed_out: 1,
            unviable: 1,
        };
        assert_eq!(read_outcomes(text).unwrap(), expected);
        assert!(read_outcomes("{}").is_err());
    }
}

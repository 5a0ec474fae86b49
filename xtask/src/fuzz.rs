//! Runs the fuzz targets: all of them quickly and without coverage, or one after the other under libFuzzer.
//!
//! Must not know: what a target looks at. Invariant: what ran is added to the ledger as libFuzzer counted it;
//! an input that fails stays on the disk, and its path is printed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::ledger::Ledger;
use crate::process::{self, Echo};
use crate::project::Project;

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// The targets; all that have a libFuzzer program by default.
    targets: Vec<String>,
    /// Only the committed inputs and those of the fixed seed, as CI does: no coverage, no ledger.
    #[arg(long, conflicts_with = "engine")]
    smoke: bool,
    /// Minutes for each target.
    #[arg(long, value_name = "MINUTES", default_value_t = 20)]
    minutes: u64,
    /// Build the targets that run plug-ins too: the engine is compiled once more, under coverage.
    #[arg(long)]
    engine: bool,
}

impl Options {
    /// All targets without an engine, for so many minutes each.
    pub(crate) fn all(minutes: u64) -> Options {
        Options {
            targets: Vec::new(),
            smoke: false,
            minutes,
            engine: false,
        }
    }
}

/// Coverage as libFuzzer wants it, given to the code under test alone and not to build scripts.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Ccodegen-units=1";

/// Where the programs are built, and where inputs that reach new code and inputs that fail are kept.
const BUILT: &str = "target/fuzz";
const CORPUS: &str = "target/fuzz-corpus";
const FAILED: &str = "target/fuzz-failed";

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    if options.smoke {
        return smoke(project, &options.targets);
    }
    let programs = programs(project, options.engine)?;
    let targets = match options.targets.is_empty() {
        true => programs.clone(),
        false => options.targets.clone(),
    };
    if let Some(unknown) = targets.iter().find(|target| !programs.contains(target)) {
        bail!("{unknown} is none of {}", programs.join(", "));
    }
    write_seeds(project)?;
    let mut failed = Vec::new();
    for target in &targets {
        let binary = build(project, target, options.engine)?;
        eprintln!("{target}: {} minutes", options.minutes);
        if let Some(input) = hunt(project, target, &binary, options.minutes * 60)? {
            failed.push(format!("{target}: {}", input.display()));
        }
    }
    let advice = "copy it to fuzz/crashes/<target>, as text or as hexadecimal digits in a .hex.txt";
    ensure!(failed.is_empty(), "{}\n{advice}", failed.join("\n"));
    Ok(())
}

/// With `--workspace`, so that nothing is compiled with other features than for the tests.
fn smoke(project: &Project, targets: &[String]) -> Result<()> {
    let mut command = project.cargo("test");
    command.args(["--workspace", "--test", "smoke", "--", "--nocapture"]);
    command.args(targets);
    let finished = process::run(command, Echo::Always)?;
    ensure!(finished.succeeded, "a target fails");
    Ok(())
}

/// The names of the programs in fuzz/Cargo.toml.
fn programs(project: &Project, engine: bool) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(&project.read("fuzz/Cargo.toml")?)?;
    let listed = manifest.get("bin").and_then(|bins| bins.as_array());
    let listed = listed.context("fuzz/Cargo.toml lists no programs")?;
    let wanted = listed
        .iter()
        .filter(|bin| engine || bin.get("required-features").is_none());
    let name = |bin: &toml::Value| Some(bin.get("name")?.as_str()?.to_string());
    Ok(wanted.filter_map(name).collect())
}

/// The committed inputs as files of bytes, one folder for each target.
fn write_seeds(project: &Project) -> Result<()> {
    let mut command = project.cargo("run");
    let options = [
        "--quiet",
        "--package",
        "extism-fuzzing",
        "--no-default-features",
    ];
    command.args(options).args(["--example", "seeds", "--"]);
    command.arg(project.path(CORPUS));
    process::stdout_of(command).map(drop)
}

fn build(project: &Project, target: &str, engine: bool) -> Result<PathBuf> {
    let host = crate::dist::host_target()?;
    let mut command = project.cargo("build");
    command
        .current_dir(project.path("fuzz"))
        .args(["--release", "--locked", "--target", &host, "--bin", target])
        .env("CARGO_TARGET_DIR", project.path(BUILT))
        .env("RUSTFLAGS", COVERAGE)
        // The pass that inserts coverage is not among what a stable compiler offers.
        .env("RUSTC_BOOTSTRAP", "1");
    if engine {
        command.args(["--features", "engine"]);
    }
    let finished = process::run(command, Echo::OnFailure)?;
    ensure!(finished.succeeded, "{}", finished.text);
    Ok(project.path(BUILT).join(host).join("release").join(target))
}

/// Runs a program for so long; the input that fails, if there is one.
fn hunt(project: &Project, target: &str, binary: &Path, seconds: u64) -> Result<Option<PathBuf>> {
    let folder = project.path(FAILED).join(target);
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(binary);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .args([
            "-print_final_stats=1",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-use_value_profile=1",
        ])
        .arg(project.path(CORPUS).join(target))
        .env("RUST_BACKTRACE", "0");
    let started = std::time::Instant::now();
    let finished = process::run(command, Echo::OnFailure)?;
    let executions = executions(&finished.text).with_context(|| finished.text.clone())?;
    let seconds = started.elapsed().as_secs();
    Ledger::update(project, |ledger| {
        let entry = ledger.fuzz.entry(target.to_string()).or_default();
        entry.executions += executions;
        entry.seconds += seconds;
    })?;
    eprintln!("{target}: {executions} executions in {seconds} s");
    if finished.succeeded {
        return Ok(None);
    }
    eprintln!("{}", finished.text);
    let written = finished.text.lines().find_map(|line| {
        let (_, path) = line.split_once("Test unit written to ")?;
        Some(PathBuf::from(path.trim()))
    });
    Ok(Some(written.unwrap_or(folder)))
}

/// What libFuzzer says at its end.
fn executions(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_libfuzzer() {
        let text = "Done 12 runs\nstat::number_of_executed_units: 1234\nstat::average_exec_per_sec:     9\n";
        assert_eq!(executions(text), Some(1234));
        assert_eq!(executions("nothing"), None);
    }

    #[test]
    fn programs_with_the_engine_are_asked_for() {
        let project = Project::locate();
        let pure = programs(&project, false).unwrap();
        let all = programs(&project, true).unwrap();
        assert!(
            pure.contains(&"url_policy".to_string()) && pure.len() >= 11,
            "{pure:?}"
        );
        assert!(
            all.contains(&"rewrite_diff".to_string()) && all.len() > pure.len(),
            "{all:?}"
        );
        for name in all {
            assert!(
                project.exists(&format!("fuzz/fuzz_targets/{name}.rs")),
                "{name}"
            );
        }
    }
}

//! Runs the fuzz targets: all of them quickly and without coverage, or one after the other under libFuzzer.
//!
//! Must not know: what a target looks at. Invariant: what ran is added to the ledger as libFuzzer counted it,
//! with the time it had a processor; an input that fails stays on the disk, and its path is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::ledger::Ledger;
use crate::process::{self, Echo};
use crate::processor_time::Clock;
use crate::project::Project;

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// The targets; all that have a libFuzzer program by default.
    targets: Vec<String>,
    /// Only the committed inputs and those of the fixed seed, as CI does: no coverage, no ledger.
    #[arg(long, conflicts_with = "engine")]
    smoke: bool,
    /// Minutes of a processor for each target.
    #[arg(long, value_name = "MINUTES", default_value_t = 20)]
    minutes: u64,
    /// Build the targets that run plug-ins too: the engine is compiled once more.
    #[arg(long)]
    engine: bool,
}

impl Options {
    /// All targets, for so many minutes each.
    pub(crate) fn all(minutes: u64) -> Options {
        Options {
            targets: Vec::new(),
            smoke: false,
            minutes,
            engine: true,
        }
    }
}

/// Stands between cargo and the compiler: coverage, as libFuzzer wants it, is given to this project's own
/// crates alone. Under it the engine takes seventy times as long, and its paths are not what is looked for.
/// Programs of the build itself have none, either: they are compiled for no target.
const WRAPPER: &str = r#"#!/bin/sh
compiler=$1
shift
case "$CARGO_PKG_NAME $*" in
extism*" --target "*)
    set -- "$@" -Ccodegen-units=1 -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares \
        -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    ;;
esac
exec "$compiler" "$@"
"#;

/// Where the programs are built, and where inputs that reach new code and inputs that fail are kept.
const BUILT: &str = "target/fuzz";
const CORPUS: &str = "target/fuzz-corpus";
const FAILED: &str = "target/fuzz-failed";

/// After how long libFuzzer is asked for its counts.
const PIECE: Duration = Duration::from_secs(300);

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
    write_seeds(project, &targets)?;
    let mut failed = Vec::new();
    for target in &targets {
        let binary = build(project, target, options.engine)?;
        eprintln!("{target}: {} minutes", options.minutes);
        let wanted = Duration::from_secs(options.minutes * 60);
        if let Some(input) = hunt(project, target, &binary, wanted)? {
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

/// The committed inputs as files of bytes, one folder for each target. The program that writes them runs no
/// target, so it needs no engine.
fn write_seeds(project: &Project, targets: &[String]) -> Result<()> {
    let mut command = project.cargo("run");
    let options = [
        "--quiet",
        "--package",
        "extism-fuzzing",
        "--no-default-features",
    ];
    command.args(options).args(["--example", "seeds", "--"]);
    command.arg(project.path(CORPUS)).args(targets);
    process::stdout_of(command).map(drop)
}

fn build(project: &Project, target: &str, engine: bool) -> Result<PathBuf> {
    let host = crate::dist::host_target()?;
    let built = project.path(BUILT);
    fs::create_dir_all(&built)?;
    let wrapper = built.join("rustc-wrapper.sh");
    process::write_script(&wrapper, WRAPPER)?;
    let mut command = project.cargo("build");
    command
        .current_dir(project.path("fuzz"))
        .args(["--release", "--locked", "--target", &host, "--bin", target])
        .env("CARGO_TARGET_DIR", &built)
        .env("RUSTC_WRAPPER", wrapper)
        // The pass that inserts coverage is not among what a stable compiler offers.
        .env("RUSTC_BOOTSTRAP", "1");
    if engine {
        command.args(["--features", "engine"]);
    }
    process::succeed(command)?;
    Ok(built.join(host).join("release").join(target))
}

/// Runs a program until it has had a processor for so long; the input that fails, if there is one.
fn hunt(
    project: &Project,
    target: &str,
    binary: &Path,
    wanted: Duration,
) -> Result<Option<PathBuf>> {
    let folder = project.path(FAILED).join(target);
    fs::create_dir_all(&folder)?;
    let mut had = Duration::ZERO;
    while had < wanted {
        // libFuzzer knows only the clock of the wall. In pieces: the ledger loses little when stopped.
        let piece = (wanted - had).min(PIECE).as_secs().max(1);
        let mut command = Command::new(binary);
        command
            .arg(format!("-max_total_time={piece}"))
            .arg(format!("-artifact_prefix={}/", folder.display()))
            .args([
                "-print_final_stats=1",
                "-timeout=20",
                "-rss_limit_mb=2048",
                "-use_value_profile=1",
            ])
            .arg(project.path(CORPUS).join(target))
            .env("RUST_BACKTRACE", "0");
        let clock = Clock::start();
        let finished = process::run(command, Echo::OnFailure)?;
        let executions = executions(&finished.text).with_context(|| finished.text.clone())?;
        let took = clock.elapsed();
        had += took;
        Ledger::update(project, |ledger| {
            let entry = ledger.fuzz.entry(target.to_string()).or_default();
            entry.executions += executions;
            entry.seconds += took.as_secs();
        })?;
        let (had, wanted) = (had.as_secs(), wanted.as_secs());
        eprintln!("{target}: {executions} executions, {had} of {wanted} s");
        if !finished.succeeded {
            eprintln!("{}", finished.text);
            return Ok(Some(written(&finished.text).unwrap_or(folder)));
        }
    }
    Ok(None)
}

/// The input libFuzzer says that it kept.
fn written(text: &str) -> Option<PathBuf> {
    let path = text
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))?;
    Some(PathBuf::from(path.1.trim()))
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
        let failed = "artifact_prefix='a/'; Test unit written to a/crash-1\nBase64: AA==\n";
        assert_eq!(written(failed), Some(PathBuf::from("a/crash-1")));
        assert_eq!(written(text), None);
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
            assert!(project.exists(&format!("fuzz/corpus/{name}")), "{name}");
        }
    }
}

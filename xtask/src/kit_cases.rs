//! The cases of the kits: every kit's conformance plug-in on this library, with the rewriting pass and
//! without, and on the published library.
//!
//! Must not know: the cases, nor what a plug-in does. Invariant: whatever plug-in lies beside the others
//! is judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::install::library::{self, Profile};
use crate::process::Echo;
use crate::project::Project;
use crate::published;
use crate::stages::{Job, Report};

const SUITE: &str = "pdk";
const PLUGINS: &str = "fixtures/plugins";
const PREFIX: &str = "conformance_";

/// The runner of the conformance suite, and the driver of the Rust crate.
const RUNNER: &str = "extism-conformance";
const DRIVER: &str = "extism-driver";

const PUBLISHED_DRIVER: &str = "tests/published/driver.c";
/// What the published library has, in the words of the suite.
const PUBLISHED_FEATURES: &str = "compiled,fs,fuel,headers,host_context,http,logs,namespace,wasi";
/// What it answers otherwise, with reasons.
const PUBLISHED_FAILING: &str = "pdk/known-failing/published.txt";

/// All cases with each kit's plug-in, with the pass and without.
pub(crate) fn run(project: &Project, job: &Job) -> Result<Report> {
    let (runner, driver) = (runner(project)?, program(project, DRIVER)?);
    let mut commands = Vec::new();
    for kit in kits(project)? {
        for rewrite in ["on", "off"] {
            let mut command = judge(project, &runner, &kit);
            command.arg("--driver").arg(&driver);
            command.args(["--rewrite", rewrite]);
            commands.push(command);
        }
    }
    job.tests(commands)
}

/// All cases with each kit's plug-in on the published library.
pub(crate) fn run_published(project: &Project, job: &Job) -> Result<Report> {
    let runner = runner(project)?;
    let scratch = tempfile::tempdir()?;
    let driver = match published::program(project, PUBLISHED_DRIVER, scratch.path()) {
        Ok(driver) => driver,
        Err(error) => return Ok(Report::Skipped(format!("the published library: {error:#}"))),
    };
    let mut commands = Vec::new();
    for kit in kits(project)? {
        let mut command = judge(project, &runner, &kit);
        command.arg("--driver").arg(&driver);
        command.args(["--features", PUBLISHED_FEATURES]);
        command
            .arg("--known-failing")
            .arg(project.path(PUBLISHED_FAILING));
        commands.push(command);
    }
    job.tests(commands)
}

/// All cases with each kit's plug-in through an SDK, which is a folder with an `sdk.toml`.
pub(crate) fn of_sdk(project: &Project, runner: &Path, folder: &str) -> Result<Vec<Command>> {
    let with_sdk = |kit: String| {
        let mut command = judge(project, runner, &kit);
        command.args(["--sdk", folder]);
        command
    };
    Ok(kits(project)?.into_iter().map(with_sdk).collect())
}

/// Builds the runner of the conformance suite, for SDKs and kits.
pub(crate) fn runner(project: &Project) -> Result<PathBuf> {
    program(project, RUNNER)
}

fn program(project: &Project, name: &str) -> Result<PathBuf> {
    library::build_program(project, [name; 2], Profile::Test, Echo::OnFailure)
}

/// The conformance plug-in of a kit, relative to the root.
pub(crate) fn plugin(kit: &str) -> String {
    format!("{PLUGINS}/{PREFIX}{kit}.wasm")
}

/// The kits that have a conformance plug-in; the published Rust kit is one.
pub(crate) fn kits(project: &Project) -> Result<Vec<String>> {
    let mut kits = Vec::new();
    for entry in fs::read_dir(project.path(PLUGINS))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let kit = name
            .strip_prefix(PREFIX)
            .and_then(|name| name.strip_suffix(".wasm"));
        kits.extend(kit.map(str::to_owned));
    }
    ensure!(!kits.is_empty(), "no {PLUGINS}/{PREFIX}*.wasm");
    kits.sort();
    Ok(kits)
}

fn judge(project: &Project, runner: &Path, kit: &str) -> Command {
    let mut command = Command::new(runner);
    command.current_dir(project.root());
    command.args(["--suite", SUITE, "--set", &format!("pdk={kit}")]);
    command
}

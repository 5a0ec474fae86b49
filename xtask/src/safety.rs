//! The safety suites (`crates/safety`): built with the workspace, so that the engine is built once, and run.
//!
//! Must not know: the cases. Invariant: what the runner prints last is what is counted.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::project::Project;
use crate::stages::{Job, Report};

/// What `cargo xtask safety` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only cases whose id contains this: `X-`, `F-17`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// The numbers of a release, on a machine that does nothing else.
    #[arg(long)]
    pub(crate) whole: bool,
}

/// Programs the cases need beside the runner.
const PROGRAMS: &[&str] = &["extism-safety", "extism-conformance", "extism-driver"];

/// Builds what is needed and runs what is selected.
pub(crate) fn run(project: &Project, options: &Options, job: &Job) -> Result<Report> {
    let mut build = project.cargo("build");
    build.arg("--workspace");
    build.args(PROGRAMS.iter().flat_map(|name| ["--bin", name]));
    job.run(build)?;
    job.tests(vec![command(project, options)])
}

fn command(project: &Project, options: &Options) -> Command {
    let mut run = project.cargo("run");
    run.args(["--quiet", "--bin", "extism-safety", "--"]);
    if let Some(filter) = &options.filter {
        run.args(["--filter", filter]);
    }
    if options.whole {
        run.arg("--whole");
    }
    run
}

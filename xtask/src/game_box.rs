//! The game box, `examples/game_box`: an application in Elixir, tested with nodes and browsers of its own.
//!
//! Must not know: what the tests do. Invariant: what it needs and is not there is named, and never passed
//! over in silence.

use std::process::Command;

use anyhow::Result;

use crate::install::library;
use crate::process::{self, Echo};
use crate::project::Project;
use crate::stages::{Job, Report};

const FOLDER: &str = "examples/game_box";

const PROGRAMS: &[&str] = &["erl", "elixir", "mix", "node", "npm", "chromium"];

/// What `erl` is asked: 0 if it has the libraries that are Debian's and not its own.
const LIBRARIES: &str =
    "halt(length([L || L <- [jiffy, mochiweb, mnesia], is_tuple(code:lib_dir(L))])).";

/// Checks the style of the sources, and runs the tests, those in the browser included.
pub(crate) fn test(project: &Project, job: &Job) -> Result<Report> {
    if let Some(reason) = process::missing(PROGRAMS) {
        return Ok(Report::Skipped(reason));
    }
    if process::stdout_of(command(project, "erl", &["-noshell", "-eval", LIBRARIES])).is_err() {
        let reason =
            "Erlang lacks a library: apt-get install erlang-nox erlang-jiffy erlang-mochiweb";
        return Ok(Report::Skipped(reason.into()));
    }
    let nif = library::build_native(project, "extism-nif", Echo::OnFailure)?;
    let mix = |arguments: &[&str]| {
        let mut mix = command(project, "mix", arguments);
        mix.env("EXTISM_NIF", &nif).env("MIX_ENV", "test");
        mix
    };
    let mut npm = command(project, "npm", &["ci", "--no-audit", "--no-fund"]);
    npm.current_dir(project.path(FOLDER).join("e2e"));
    job.run(npm)?;
    job.run(mix(&["format", "--check-formatted"]))?;
    job.run(mix(&["compile", "--warnings-as-errors"]))?;
    job.tests(vec![mix(&["test"])])
}

fn command(project: &Project, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(project.path(FOLDER))
        .env("HEX_OFFLINE", "1");
    command
}

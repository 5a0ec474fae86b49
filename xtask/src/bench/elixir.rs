//! The rows that are measured through Elixir, with the native library that its package has.
//!
//! Must not know: targets, nor what the program measures. Invariant: the library is the one of a release.

use std::process::Command;

use anyhow::{Result, bail};

use super::measurement::Side;
use super::package::{Package, Packages};
use crate::install::library;
use crate::process::{self, Echo};
use crate::project::Project;

const FOLDER: &str = "sdk/elixir";
const LIBRARY: &str = "extism-nif";

/// By which variable the package finds the library.
const VARIABLE: &str = "EXTISM_NIF";

/// Builds the native library and compiles the package.
pub(crate) fn prepare(project: &Project) -> Result<Packages> {
    if let Some(reason) = process::missing(&["mix", "erl"]) {
        bail!(reason);
    }
    let library = library::build_native(project, LIBRARY, Echo::Always)?;
    let folder = project.path(FOLDER);
    let variables = vec![
        ("MIX_ENV", "prod".into()),
        (VARIABLE, library.into_os_string()),
    ];
    let mut compile = Command::new("mix");
    compile
        .arg("compile")
        .current_dir(&folder)
        .envs(variables.iter().map(|(name, value)| (name, value)));
    process::stdout_of(compile)?;
    Ok(Packages(vec![Package {
        side: Side::Ours,
        program: ["mix", "run", "--no-compile", "bench.exs"]
            .map(Into::into)
            .to_vec(),
        folder,
        words: Vec::new(),
        variables,
    }]))
}

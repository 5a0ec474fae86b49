//! The rows that are measured through Elixir, with the native library that its package has.
//!
//! Must not know: targets, nor what the program measures. Invariant: the library is the one of a release.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::line::{self, Line};
use crate::install::library;
use crate::process::{self, Echo};
use crate::project::Project;

const FOLDER: &str = "sdk/elixir";
const LIBRARY: &str = "extism-nif";
const LIBRARY_VARIABLE: &str = "EXTISM_NIF";

/// The package, compiled.
pub(crate) struct Elixir {
    folder: PathBuf,
    library: PathBuf,
}

impl Elixir {
    /// Builds the native library and compiles the package.
    pub(crate) fn prepare(project: &Project) -> Result<Elixir> {
        for program in ["mix", "erl"] {
            ensure!(process::is_installed(program), "no {program}");
        }
        let elixir = Elixir {
            folder: project.path(FOLDER),
            library: library::build_native(project, LIBRARY, Echo::Always)?,
        };
        process::stdout_of(elixir.mix(&["compile"]))?;
        Ok(elixir)
    }

    /// Has the package measure the row.
    pub(crate) fn measure(&self, row: &str, sample_ms: u32) -> Result<Vec<Line>> {
        let mut command = self.mix(&["run", "--no-compile", "bench.exs"]);
        command.args([row, &sample_ms.to_string()]);
        let printed = process::stdout_of(command).with_context(|| format!("row `{row}`"))?;
        line::parse(&printed)
    }

    fn mix(&self, words: &[&str]) -> Command {
        let mut command = Command::new("mix");
        command
            .args(words)
            .current_dir(&self.folder)
            .env("MIX_ENV", "prod")
            .env(LIBRARY_VARIABLE, &self.library);
        command
    }
}

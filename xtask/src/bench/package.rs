//! The rows that are measured through packages of a language: this project's, and the published one.
//!
//! Must not know: targets, nor what a program measures. Invariant: each package runs in a process
//! of its own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::line::{self, Line};
use super::measurement::Side;
use crate::process;

/// The packages of one language; the published one first, if there is one.
pub(crate) struct Packages(pub(super) Vec<Package>);

/// How one of them is measured.
pub(super) struct Package {
    pub(super) side: Side,
    /// What runs, and what it is told before the row and the time.
    pub(super) program: Vec<OsString>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// What follows the row and the time.
    pub(super) words: Vec<OsString>,
    pub(super) variables: Vec<(&'static str, OsString)>,
}

impl Packages {
    /// Has each package measure the row, the last one first if `reversed`.
    pub(crate) fn measure(
        &self,
        row: &str,
        sample_ms: u32,
        reversed: bool,
    ) -> Result<Vec<(Side, Line)>> {
        let mut lines = Vec::new();
        let mut packages: Vec<_> = self.0.iter().collect();
        if reversed {
            packages.reverse();
        }
        for package in packages {
            let (program, first_words) = package.program.split_first().context("no program")?;
            let mut command = Command::new(program);
            command
                .current_dir(&package.folder)
                .args(first_words)
                .args([row, &sample_ms.to_string()])
                .args(&package.words)
                .envs(package.variables.iter().map(|(name, value)| (name, value)));
            let printed = process::stdout_of(command)
                .with_context(|| format!("row `{row}`, {}", package.side.name()))?;
            let parsed = line::parse(&printed)?.into_iter();
            lines.extend(parsed.map(|line| (package.side, line)));
        }
        Ok(lines)
    }
}

//! The rows that are measured through Python: this project's package and the published one, each in an
//! environment of its own.
//!
//! Must not know: targets, nor what the program measures. Invariant: the library in the package is the one
//! that the other rows measure.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::line::{self, Line};
use super::measurement::Side;
use crate::install;
use crate::process;
use crate::project::Project;
use crate::published;

const PROGRAM: &str = "sdk/python/bench.py";
const PACKAGE: &str = "sdk/python";
const FOLDER: &str = "target/bench/python";

/// An interpreter for each package.
pub(crate) struct Pythons {
    program: PathBuf,
    /// The published package first, if there is one.
    sides: Vec<(Side, PathBuf)>,
}

impl Pythons {
    /// Makes the environments; the published package's only if `with_published`.
    pub(crate) fn prepare(
        project: &Project,
        library: &Path,
        with_published: bool,
    ) -> Result<Pythons> {
        let folder = project.path(FOLDER);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let prefix = folder.join("prefix");
        // Under the name without a version, beside where an installation has it.
        let installed = install::shared_library(&prefix);
        let libraries = installed.parent().context("a file is in a folder")?;
        fs::create_dir_all(libraries)?;
        let name = format!("{DLL_PREFIX}extism{DLL_SUFFIX}");
        fs::copy(library, libraries.join(name))?;

        let mut sides = Vec::new();
        if with_published {
            let packages = [published::SDK.into(), published::LIBRARY.into()];
            let python = published::environment(&folder.join("published"), &packages, None)?;
            sides.push((Side::Published, python));
        }
        let packages = [project.path(PACKAGE).into()];
        let ours = published::environment(&folder.join("ours"), &packages, Some(&prefix))?;
        sides.push((Side::Ours, ours));
        Ok(Pythons {
            program: project.path(PROGRAM),
            sides,
        })
    }

    /// Has each package measure the row, the last one first if `reversed`.
    pub(crate) fn measure(
        &self,
        row: &str,
        sample_ms: u32,
        reversed: bool,
    ) -> Result<Vec<(Side, Line)>> {
        let mut lines = Vec::new();
        let mut sides: Vec<_> = self.sides.iter().collect();
        if reversed {
            sides.reverse();
        }
        for (side, python) in sides {
            let mut command = Command::new(python);
            command
                .arg(&self.program)
                .args([row, &sample_ms.to_string()]);
            let printed = process::stdout_of(command)
                .with_context(|| format!("row `{row}`, {}", side.name()))?;
            lines.extend(line::parse(&printed)?.into_iter().map(|line| (*side, line)));
        }
        Ok(lines)
    }
}

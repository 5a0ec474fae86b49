//! The rows that are measured through Python: this project's package and the published one, each in an
//! environment of its own.
//!
//! Must not know: targets, nor what the program measures. Invariant: the library in the package is the one
//! that the other rows measure.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::measurement::Side;
use super::package::{Package, Packages};
use crate::install;
use crate::project::Project;
use crate::published;

const PROGRAM: &str = "sdk/python/bench.py";
const PACKAGE: &str = "sdk/python";
const FOLDER: &str = "target/bench/python";

/// Makes an environment for each package; the published one's only if `with_published`.
pub(crate) fn prepare(project: &Project, library: &Path, with_published: bool) -> Result<Packages> {
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
    let package = |(side, python): (Side, PathBuf)| Package {
        side,
        interpreter: python.into_os_string(),
        program: project.path(PROGRAM),
        words: Vec::new(),
        variables: Vec::new(),
    };
    Ok(Packages(sides.into_iter().map(package).collect()))
}

//! The rows that are measured in a page of headless Chromium: this project's package, and the published one.
//!
//! Must not know: targets, nor what the program measures.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use super::javascript;
use super::measurement::Side;
use super::package::{Package, Packages};
use crate::process;
use crate::project::Project;
use crate::web_core;

const PROGRAM: &str = "sdk/browser/bench.mjs";
const PACKAGE: &str = "sdk/browser";

/// Builds what pages load, and installs the published package if `with_published`.
pub(crate) fn prepare(project: &Project, with_published: bool) -> Result<Packages> {
    let mut build = Command::new("node");
    build
        .args(["check.mjs", "build"])
        .current_dir(project.path(PACKAGE))
        .env(web_core::VARIABLE, web_core::build(project)?);
    process::succeed(build)?;

    let package = |side: Side, words: Vec<OsString>| Package {
        side,
        program: vec!["node".into(), project.path(PROGRAM).into_os_string()],
        folder: project.path(PACKAGE),
        words,
        variables: Vec::new(),
    };
    let mut packages = Vec::new();
    if with_published {
        let folder = javascript::published(project)?.into_os_string();
        packages.push(package(Side::Published, vec![folder]));
    }
    packages.push(package(Side::Ours, Vec::new()));
    Ok(Packages(packages))
}

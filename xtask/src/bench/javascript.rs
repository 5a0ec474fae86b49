//! The rows that are measured through JavaScript, in Node and in a page of headless Chromium: this project's
//! package, and the published one in a project of its own.
//!
//! Must not know: targets, nor what the programs measure. Invariant: the addon is built as it is
//! published.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::measurement::Side;
use super::package::{Package, Packages};
use crate::install::library;
use crate::process;
use crate::project::Project;
use crate::web_core;

const ADDON: &str = "extism-node";
const FOLDER: &str = "target/bench/javascript";

/// The published package compared with.
const PUBLISHED: &str = "@extism/extism@2.0.0-rc13";

/// By which variable the package finds the addon.
const VARIABLE: &str = "EXTISM_NODE_ADDON";

/// Builds the package for Node, and installs the published one if `with_published`.
pub(crate) fn in_node(project: &Project, with_published: bool) -> Result<Packages> {
    build(project, "sdk/node")?;
    let addon = library::build_native(project, ADDON, process::Echo::Always)?;
    let addon = (VARIABLE, addon.into_os_string());
    packages(project, "sdk/node/bench.mjs", vec![addon], with_published)
}

/// Builds what pages load, and installs the published package if `with_published`.
pub(crate) fn in_pages(project: &Project, with_published: bool) -> Result<Packages> {
    if let Some(reason) = process::missing(&["node", "npm", "chromium"]) {
        bail!(reason);
    }
    build(project, "sdk/browser")?;
    packages(project, "sdk/browser/bench.mjs", Vec::new(), with_published)
}

fn build(project: &Project, package: &str) -> Result<()> {
    let mut build = Command::new("node");
    build
        .args(["check.mjs", "build"])
        .current_dir(project.path(package))
        .env(web_core::VARIABLE, web_core::build(project)?);
    process::succeed(build)
}

/// Both packages, of which a program measures the one whose folder it is given, or else this project's.
fn packages(
    project: &Project,
    program: &str,
    variables: Vec<(&'static str, OsString)>,
    with_published: bool,
) -> Result<Packages> {
    let package = |side: Side, words: Vec<OsString>| Package {
        side,
        program: vec!["node".into(), project.path(program).into_os_string()],
        folder: project.root().to_path_buf(),
        words,
        variables: variables.clone(),
    };
    let mut packages = Vec::new();
    if with_published {
        let folder = published(project)?.into_os_string();
        packages.push(package(Side::Published, vec![folder]));
    }
    packages.push(package(Side::Ours, Vec::new()));
    Ok(Packages(packages))
}

/// Installs the published package; the folder it is installed in.
fn published(project: &Project) -> Result<PathBuf> {
    let folder = project.path(FOLDER);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), "{}")?;
    let mut install = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", PUBLISHED])
        .current_dir(&folder);
    process::succeed(install)?;
    Ok(folder)
}

//! The repository: where it is, which version it has, and the cargo commands that build it.
//!
//! Must not know: what a command checks. Invariant: every path handed to it is relative to the root.
//! Tests use cargo's default profile (debug assertions in our code, optimised dependencies, quick to
//! link); what is handed to users is built with [`RELEASE`].

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The profile of what users get: the library and the command line.
pub(crate) const RELEASE: &str = "--release";

/// The version all packages of the workspace share.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The working copy this program was built from, or a folder that stands for one in a test.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The repository that holds this package.
    pub(crate) fn locate() -> Project {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .parent()
            .expect("xtask is a folder of the repository");
        Project::at(root)
    }

    pub(crate) fn at(root: &Path) -> Project {
        Project {
            root: root.to_path_buf(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where the stages find the installed library and command line.
    pub(crate) fn prefix(&self) -> PathBuf {
        self.path("target/prefix")
    }

    pub(crate) fn exists(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read {relative}"))
    }

    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {relative}"))
    }

    /// `cargo <subcommand>`, run at the root. Colours are off because the output is read by this program.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command
            .arg(subcommand)
            .current_dir(&self.root)
            .env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Subfolders of `parent`, sorted, as paths relative to the root. Empty where there is no such folder.
    pub(crate) fn folders(&self, parent: &str) -> Result<Vec<String>> {
        let Ok(entries) = fs::read_dir(self.path(parent)) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.push(format!("{parent}/{}", entry.file_name().to_string_lossy()));
            }
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_located_project_is_the_workspace_of_this_version() {
        let project = Project::locate();
        let manifest: toml::Table = toml::from_str(&project.read("Cargo.toml").unwrap()).unwrap();
        assert_eq!(
            manifest["workspace"]["package"]["version"].as_str(),
            Some(VERSION)
        );
    }

    #[test]
    fn folders_are_sorted_and_a_missing_parent_has_none() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project::at(scratch.path());
        for name in ["sdk/ruby", "sdk/c"] {
            fs::create_dir_all(project.path(name)).unwrap();
        }
        project.write("sdk/README.md", "# SDKs\n").unwrap();
        assert_eq!(project.folders("sdk").unwrap(), ["sdk/c", "sdk/ruby"]);
        assert!(project.folders("pdk").unwrap().is_empty());
    }
}

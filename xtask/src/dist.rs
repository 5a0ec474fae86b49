//! The package of a release: one archive per platform, the list of what is in it, and the checksums.
//!
//! Must not know: how the library is built. Invariant: the archive that is written is the archive that was
//! tried: it is unpacked into an empty folder and a C program is compiled and run against that.

mod archive;
mod components;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::install::{self, sample};
use crate::process::{self, Echo};
use crate::project::{Project, VERSION};

/// Documents that come with the archive.
const DOCUMENTS: &[&str] = &["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"];

/// Writes the package into `dist` and returns what was written, relative to the root.
pub(crate) fn run(project: &Project, echo: Echo) -> Result<Vec<String>> {
    if let Some(reason) = sample::missing_tool() {
        bail!("the package cannot be tried on this machine: {reason}");
    }
    let name = format!("extism-{VERSION}-{}", host_target()?);
    let scratch = tempfile::tempdir()?;
    let content = scratch.path().join(&name);
    install::run(project, &install::Options::at(&content), echo)?;
    for document in DOCUMENTS {
        fs::copy(project.path(document), content.join(document))
            .with_context(|| format!("cannot copy {document}"))?;
    }

    let (archive, list) = (
        format!("dist/{name}.tar.gz"),
        format!("dist/{name}.cdx.json"),
    );
    fs::create_dir_all(project.path("dist"))?;
    archive::pack(&content, &name, &project.path(&archive))?;
    project.write(&list, &components::list(project)?)?;
    let sums = "dist/SHA256SUMS".to_string();
    project.write(&sums, &checksums(project, &[&archive, &list])?)?;

    let unpacked = scratch.path().join("unpacked");
    archive::unpack(&project.path(&archive), &unpacked)?;
    sample::prove(project, &unpacked.join(&name))
        .context("the package does not work once unpacked")?;
    Ok(vec![archive, list, sums])
}

/// The name of the platform, as rustc spells it.
pub(crate) fn host_target() -> Result<String> {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let printed = process::stdout_of(rustc)?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_string)
        .context("rustc does not say what it compiles for")
}

/// One line per file, as `sha256sum --check` reads them.
fn checksums(project: &Project, files: &[&str]) -> Result<String> {
    let mut text = String::new();
    for file in files {
        let path = project.path(file);
        let name = Path::new(file)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let content = fs::read(&path).with_context(|| format!("cannot read {file}"))?;
        for byte in Sha256::digest(&content) {
            write!(text, "{byte:02x}")?;
        }
        writeln!(text, "  {name}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        project.write("dist/a", "abc").unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            checksums(&project, &["dist/a"]).unwrap(),
            format!("{sum}  a\n")
        );
    }

    #[test]
    fn the_platform_is_named_by_rustc() {
        assert!(host_target().unwrap().contains(std::env::consts::ARCH));
    }
}

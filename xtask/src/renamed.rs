//! Builds that say nothing of the machine they were made on: every folder gets a name that is the same on
//! all.
//!
//! Must not know: what is built. Invariant: a user's own flags for the compiler stay.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::project::Project;

/// How cargo is told of flags that may hold spaces.
pub(crate) const VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";

/// What stands between two flags there.
const SEPARATOR: &str = "\u{1f}";

/// The value of [`VARIABLE`] for what users get, built into the folder `out`.
pub(crate) fn release_flags(project: &Project, out: &Path) -> Result<OsString> {
    let rustc = || Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let mut version = rustc();
    version.arg("-vV");
    let version = process::stdout_of(version)?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "));
    let mut sysroot = rustc();
    sysroot.args(["--print", "sysroot"]);
    let sysroot = PathBuf::from(process::stdout_of(sysroot)?.trim());
    let sources = sysroot.join("lib/rustlib/src/rust");
    // The compiler's own name for them, where the sources are not installed.
    let standard = format!("/rustc/{}", commit.unwrap_or("unknown"));
    let root = fs::canonicalize(project.root())?;
    let out = fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
    let mut flags = vec![
        renamed(&root, "/extism"),
        renamed(&out, "/build"),
        renamed(&sources, &standard),
    ];
    flags.extend(crates()?);
    let own = env::var_os(VARIABLE).or_else(|| {
        let words = env::var("RUSTFLAGS").ok()?;
        let words: Vec<&str> = words.split_whitespace().collect();
        Some(words.join(SEPARATOR).into())
    });
    flags.splice(0..0, own.filter(|own| !own.is_empty()));
    Ok(encoded(&flags))
}

/// The flag that gives a folder a name; of several that fit, the last counts.
pub(crate) fn renamed(folder: &Path, name: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(folder);
    flag.push("=");
    flag.push(name);
    flag
}

/// The flags for the folders crates are unpacked into.
pub(crate) fn crates() -> Result<Vec<OsString>> {
    let folder = cargo_home()?.join("registry/src");
    let entries = fs::read_dir(&folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| Ok(renamed(&entry?.path(), "/crates")))
        .collect()
}

/// Flags as [`VARIABLE`] has them.
pub(crate) fn encoded(flags: &[OsString]) -> OsString {
    flags.join(SEPARATOR.as_ref())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("CARGO_HOME") {
        return Ok(folder.into());
    }
    let home = env::home_dir().context("the user has no home folder")?;
    Ok(home.join(".cargo"))
}

/// The folders of this machine that a file names, though it should not.
pub(crate) fn folders_named_in(project: &Project, file: &Path) -> Result<Vec<PathBuf>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut folders = vec![fs::canonicalize(project.root())?, cargo_home()?];
    folders.retain(|folder| {
        let name = folder.as_os_str().as_encoded_bytes();
        bytes.windows(name.len()).any(|part| part == name)
    });
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_of_this_machine_keeps_its_name() {
        let project = Project::locate();
        let out = project.path("target");
        let flags = release_flags(&project, &out).unwrap();
        let flags = flags.to_string_lossy();
        let root = fs::canonicalize(project.root()).unwrap();
        let flags: Vec<&str> = flags.split(SEPARATOR).collect();
        assert!(flags.contains(&&*format!("--remap-path-prefix={}=/extism", root.display())));
        assert!(flags.iter().any(|flag| flag.ends_with("=/crates")));
        assert!(flags.iter().any(|flag| flag.contains("=/rustc/")));
        let at = |end: &str| flags.iter().position(|flag| flag.ends_with(end)).unwrap();
        assert!(
            at("=/extism") < at("=/build"),
            "the folder within comes last"
        );
    }
}

//! Every sample prints what `samples/expected` says.
//!
//! Must not know: what a sample does. Invariant: a sample runs at the root of the repository, as its first
//! lines tell the reader, and ends well.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of this package, beside the test that is running.
fn sample(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder
        .join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(sample(name))
        .current_dir(folder.join("../.."))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    let expected = folder.join("samples/expected").join(format!("{name}.txt"));
    let expected = std::fs::read_to_string(expected).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
}

#[test]
fn basic() {
    check("basic");
}

#[test]
fn host_functions() {
    check("host_functions");
}

#[test]
fn config_and_vars() {
    check("config_and_vars");
}

#[test]
fn http() {
    check("http");
}

#[test]
fn pool_and_cancel() {
    check("pool_and_cancel");
}

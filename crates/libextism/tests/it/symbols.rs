//! What the shared library exports is what the header declares.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::process::Command;

use crate::header;
use crate::library;

/// Functions of the engine that a debugger calls by name, each with the engine's version in it.
const FOR_DEBUGGERS: &[&str] = &["resolve_vmctx_memory_ptr_", "set_vmctx_memory_"];

#[test]
fn exports_are_the_header_and_nothing_else() {
    let output = library::run(
        Command::new("nm")
            .args(["--dynamic", "--defined-only", "--format=posix"])
            .arg(library::shared()),
    );
    let text = String::from_utf8(output.stdout).expect("names are text");
    let exported: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !FOR_DEBUGGERS.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| *name != "extism_test_panic_in")
        .collect();
    let header = header::ours();
    let declared: BTreeSet<&str> = header.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(exported, declared);
}

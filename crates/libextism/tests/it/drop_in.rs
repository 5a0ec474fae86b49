//! A program written against Extism 1.41 gets the answers it always got.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::library::{self, C99};

fn built(scratch: &Path) -> PathBuf {
    let source = library::root().join("crates/libextism/tests/c/drop_in.c");
    library::build(&source, C99, scratch)
}

fn answers(command: &mut Command) -> String {
    command.arg(library::root().join("fixtures/wat"));
    let output = library::run(command.env("EXTISM_CACHE_CONFIG", ""));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_answers_are_the_published_ones() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let expected = library::read("crates/libextism/tests/c/drop_in.txt");
    assert_eq!(
        answers(&mut library::program(&built(scratch.path()))),
        expected
    );
}

/// With the published library at hand: the same program, not linked anew, gets the same answers
/// from it.
#[test]
fn the_real_published_library_answers_the_same() {
    let Some(published) = std::env::var_os("EXTISM_PUBLISHED_LIBRARY") else {
        return;
    };
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let program = built(scratch.path());
    let name = library::shared()
        .file_name()
        .expect("a file has a name")
        .to_owned();
    std::fs::copy(published, scratch.path().join(name)).expect("room for a copy");
    let expected = library::read("crates/libextism/tests/c/drop_in.txt");
    let theirs = answers(Command::new(program).env("LD_LIBRARY_PATH", scratch.path()));
    assert_eq!(theirs, expected);
}

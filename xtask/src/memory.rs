//! The C tests, and random sequences of C calls, with somebody looking at every access to memory:
//! AddressSanitizer and LeakSanitizer, for which the library is compiled once more, and valgrind.
//!
//! Must not know: the tests. Invariant: a run under a sanitizer counts only if the library is known to
//! have it; the library users get is known not to.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::dist;
use crate::process;
use crate::project::Project;
use crate::stages::{Job, Report};

/// What `cargo xtask memory` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Who looks.
    #[arg(value_enum)]
    pub(crate) checker: Checker,
}

/// Who looks at every access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Checker {
    /// AddressSanitizer and LeakSanitizer, compiled into the Rust code and the C code.
    Asan,
    /// valgrind, with the library as it is.
    Valgrind,
}

impl Checker {
    /// The name of a run in the ledger.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Checker::Asan => {
                "C tests and sequences of C calls under AddressSanitizer and LeakSanitizer"
            }
            Checker::Valgrind => "C tests under valgrind",
        }
    }
}

/// What a library that was compiled for AddressSanitizer asks of it first.
const PROOF: &[u8] = b"__asan_init";

/// The C programs of crates/libextism.
const PROGRAMS: &str = "programs::";

/// An error of valgrind's, beside what a program itself may exit with.
const VALGRIND: &str = "valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite";

/// Programs valgrind cannot judge: one makes faults on purpose, which it reports, and after a fork the
/// child has what the parent's threads owned, which it calls lost.
const NOT_UNDER_VALGRIND: &[&str] = &["programs::signals", "programs::fork"];

pub(crate) fn run(project: &Project, checker: Checker, job: &Job) -> Result<Report> {
    match checker {
        Checker::Asan => sanitized(project, job),
        Checker::Valgrind => {
            ensure!(
                process::is_installed("valgrind"),
                "valgrind is not installed"
            );
            // With `--workspace`, so that nothing is compiled with other features than for the tests.
            let mut command = project.cargo("test");
            command
                .args(["--workspace", "--test", "it", "--", PROGRAMS])
                .args(NOT_UNDER_VALGRIND.iter().flat_map(|name| ["--skip", name]))
                .env("EXTISM_TEST_RUNNER", VALGRIND);
            job.tests(vec![command])
        }
    }
}

fn sanitized(project: &Project, job: &Job) -> Result<Report> {
    let host = dist::host_target()?;
    let folder = project.path("target/asan");
    let command = |arguments: &[&str]| -> Command {
        let mut command = project.cargo("test");
        command
            .args(["--locked", "--target", &host])
            .args(["--package", "libextism", "--package", "extism-fuzzing"])
            .args(["--test", "it", "--test", "smoke"])
            .args(arguments)
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", "-Zsanitizer=address")
            // The compiler's part of a sanitizer is not offered by a stable one.
            .env("RUSTC_BOOTSTRAP", "1")
            .env(
                "EXTISM_TEST_CFLAGS",
                "-fsanitize=address -fno-omit-frame-pointer",
            );
        command
    };
    job.run(command(&["--no-run"]))?;
    let library = folder.join(&host).join("debug/deps/libextism.so");
    ensure!(
        is_sanitized(&library)?,
        "{} does not ask for AddressSanitizer",
        library.display()
    );
    job.tests(vec![command(&["--", PROGRAMS, "capi_sequence"])])
}

/// Whether a library was compiled for AddressSanitizer.
pub(crate) fn is_sanitized(library: &Path) -> Result<bool> {
    let bytes = fs::read(library).with_context(|| library.display().to_string())?;
    Ok(bytes.windows(PROOF.len()).any(|part| part == PROOF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_with_the_symbol_is_told_from_one_without() {
        let scratch = tempfile::tempdir().unwrap();
        let library = scratch.path().join("library");
        for (bytes, expected) in [
            (&b"\0__asan_init\0"[..], true),
            (b"\0__asan_ini\0", false),
            (b"", false),
        ] {
            fs::write(&library, bytes).unwrap();
            assert_eq!(is_sanitized(&library).unwrap(), expected);
        }
        assert!(is_sanitized(&scratch.path().join("none")).is_err());
    }
}

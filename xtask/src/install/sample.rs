//! The proof of an installation: a C program is compiled against it and run.
//!
//! Must not know: how the installation was made. Invariant: nothing but the folder given is used to find the
//! header and the library.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process;
use crate::project::Project;
use crate::readme;

/// The programs, relative to the root, and what each prints when it is run there.
const SAMPLES: &[(&str, &str)] = &[
    (
        "xtask/samples/echo.c",
        concat!(env!("CARGO_PKG_VERSION"), " hello\n"),
    ),
    (
        readme::EMBED_C,
        "{\"count\":4,\"total\":4,\"vowels\":\"aAeEiIoOuU\"}\n",
    ),
];

/// Why this machine cannot compile the program, if it cannot.
pub(crate) fn missing_tool() -> Option<String> {
    process::missing(&[compiler(), "pkg-config".to_string()])
}

/// Compiles the samples with the shared and with the static library under `prefix`, and runs them;
/// answers how many runs there were.
pub(crate) fn prove(project: &Project, prefix: &Path) -> Result<u64> {
    let scratch = tempfile::tempdir()?;
    let program = scratch
        .path()
        .join(format!("sample{}", env::consts::EXE_SUFFIX));
    let mut runs = 0;
    for (source, expected) in SAMPLES {
        for package in ["extism", "extism-static"] {
            compile(&project.path(source), prefix, package, &program)?;
            let mut run = Command::new(&program);
            run.current_dir(project.root());
            let printed = process::stdout_of(run)?;
            ensure!(
                printed == *expected,
                "{source} with {package} printed {printed:?}, not {expected:?}"
            );
            runs += 1;
        }
    }
    Ok(runs)
}

fn compile(source: &Path, prefix: &Path, package: &str, program: &Path) -> Result<()> {
    let libraries = prefix.join("lib");
    let mut query = Command::new("pkg-config");
    query
        .args(["--cflags", "--libs", package])
        .env("PKG_CONFIG_PATH", libraries.join("pkgconfig"));
    let flags = process::stdout_of(query)?;

    let mut compile = Command::new(compiler());
    compile
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(program)
        .arg(source);
    compile.args(flags.split_whitespace());
    if package == "extism" {
        compile.arg(format!("-Wl,-rpath,{}", libraries.display()));
    }
    process::stdout_of(compile).map(drop)
}

/// The C compiler of this machine.
pub(crate) fn compiler() -> String {
    env::var("CC").unwrap_or_else(|_| "cc".to_string())
}

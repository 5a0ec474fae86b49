//! The proof of an installation: a C program is compiled against it and run.
//!
//! Must not know: how the installation was made. Invariant: nothing but the folder given is used to find the
//! header and the library.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process;
use crate::project::{Project, VERSION};

/// The program, relative to the root.
const SAMPLE: &str = "xtask/samples/echo.c";

/// Why this machine cannot compile the program, if it cannot.
pub(crate) fn missing_tool() -> Option<String> {
    let tools = [compiler(), "pkg-config".to_string()];
    let missing = tools
        .into_iter()
        .find(|tool| !process::is_installed(tool))?;
    Some(format!("no {missing}"))
}

/// Compiles the sample with the shared and with the static library under `prefix`, and runs both.
pub(crate) fn prove(project: &Project, prefix: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    for package in ["extism", "extism-static"] {
        let program = scratch
            .path()
            .join(format!("sample-{package}{}", env::consts::EXE_SUFFIX));
        compile(project, prefix, package, &program)?;
        let printed = process::stdout_of(Command::new(&program))?;
        let expected = format!("{VERSION} hello\n");
        ensure!(
            printed == expected,
            "the sample with {package} printed {printed:?}, not {expected:?}"
        );
    }
    Ok(())
}

fn compile(project: &Project, prefix: &Path, package: &str, program: &PathBuf) -> Result<()> {
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
        .arg(project.path(SAMPLE));
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

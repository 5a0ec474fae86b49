//! The core of the JavaScript SDK for pages: two crates of this workspace compiled to Wasm, and made small.
//!
//! Must not know: what the core does. Invariant: the bytes depend on the sources, the lock file, the compiler
//! and `wasm-opt` alone, as those of the plug-ins do (`plugins`). They are not committed: they change with
//! every change of the crates they are made of, and a commit of each would be larger than all the sources.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::plugins;
use crate::process::{self, Echo};
use crate::project::Project;

/// The packages, and the files they become.
const PACKAGES: &[(&str, &str)] = &[
    ("extism-web", "extism_web.wasm"),
    ("extism-web-text", "extism_web_text.wasm"),
];

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "web";

/// What every engine has that has `memory.copy`: more would shut older browsers out.
const FEATURES: &[&str] = &[
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// By which the commands of SDKs find the core.
pub(crate) const VARIABLE: &str = "EXTISM_WEB_CORE";

/// Where the core is once it is built.
pub(crate) fn file(project: &Project) -> PathBuf {
    folder(project).join(PACKAGES[0].1)
}

/// What has to be installed first, if anything.
pub(crate) fn missing_tool() -> Option<String> {
    plugins::missing_tool().or_else(|| {
        let is_there = process::is_installed("wasm-opt");
        (!is_there).then(|| "there is no wasm-opt: apt-get install binaryen".to_owned())
    })
}

/// Builds the core and what reads texts, unless they are as they would be; the path of the core.
pub(crate) fn build(project: &Project) -> Result<PathBuf> {
    if let Some(reason) = missing_tool() {
        bail!("{reason}");
    }
    let out = folder(project);
    plugins::write_wrapper(&out)?;
    for (package, file) in PACKAGES {
        compile(project, package)?;
        let name = file.trim_end_matches(".wasm");
        let built = out.join(TARGET).join(PROFILE).join(format!("{name}.wasm"));
        let mut smaller = Command::new("wasm-opt");
        smaller.args(["-Oz", "--strip-debug", "--strip-producers"]);
        smaller.args(FEATURES);
        smaller.arg(&built).arg("-o").arg(out.join(file));
        succeed(smaller)?;
        let bytes = fs::metadata(out.join(file)).with_context(|| format!("{file} is missing"))?;
        println!("{file} {} bytes", bytes.len());
    }
    Ok(file(project))
}

/// One package in each run: of several, features would be unified, and the core would read TOML.
fn compile(project: &Project, package: &str) -> Result<()> {
    let root = fs::canonicalize(project.root())?;
    let mut fetch = plugins::cargo(project, ".", "fetch");
    fetch.args(["--locked", "--target", TARGET]);
    succeed(fetch)?;
    let mut build = plugins::cargo(project, ".", "rustc");
    build.args(["--locked", "--lib", "--crate-type", "cdylib"]);
    build.args([
        "--profile",
        PROFILE,
        "--target",
        TARGET,
        "--package",
        package,
    ]);
    build.args(["-Z", "build-std=std,panic_abort"]);
    build.args(["-Z", "build-std-features=optimize_for_size"]);
    build.arg("--target-dir").arg(folder(project));
    let mut flags = plugins::flags(&root, TARGET)?;
    // A panic ends the instance; its text would be a fifth of the file.
    for flag in [
        "-Zunstable-options",
        "-Cpanic=immediate-abort",
        "-Clink-arg=--export=__stack_pointer",
    ] {
        flags.push("\u{1f}");
        flags.push(flag);
    }
    build
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("EXTISM_ROOT", root)
        .env("RUSTC_WRAPPER", folder(project).join(plugins::WRAPPER_FILE));
    succeed(build)
}

fn folder(project: &Project) -> PathBuf {
    project.path("target/web-core")
}

fn succeed(command: Command) -> Result<()> {
    let finished = process::run(command, Echo::OnFailure)?;
    ensure!(finished.succeeded, "{}", finished.text);
    Ok(())
}

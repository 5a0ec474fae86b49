//! The core of the JavaScript SDK for pages: two crates of this workspace compiled to Wasm, and made small.
//!
//! Must not know: what the core does. Invariant: the bytes depend on the sources, the lock file, the compiler
//! and `wasm-opt` alone, as those of the plug-ins do (`plugins`). They are not committed: they change with
//! every change of the crates they are made of, and a commit of each would be larger than all the sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::plugins;
use crate::process;
use crate::project::Project;
use crate::renamed;

/// The packages, and the files they become.
const PACKAGES: &[(&str, &str)] = &[
    ("extism-web", "extism_web.wasm"),
    ("extism-web-tools", "extism_web_tools.wasm"),
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

/// Small, and then in the order that compresses best.
const OPTIONS: &[&str] = &[
    "-Oz",
    "--reorder-functions",
    "--reorder-locals",
    "--strip-debug",
    "--strip-producers",
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

/// Builds the core and its tools, as far as they are not as they would be; the path of the core.
pub(crate) fn build(project: &Project) -> Result<PathBuf> {
    build_into(project, &folder(project))?;
    Ok(file(project))
}

/// What `cargo xtask web-core` does: builds, and says what was built.
pub(crate) fn run(project: &Project) -> Result<()> {
    let core = build(project)?;
    for (_, file) in PACKAGES {
        let path = folder(project).join(file);
        let bytes = fs::metadata(&path).with_context(|| format!("{file} is missing"))?;
        println!("{file} {} bytes", bytes.len());
    }
    println!("{}", core.display());
    Ok(())
}

/// Builds the files into a folder; their bytes.
pub(crate) fn build_into(project: &Project, out: &Path) -> Result<Vec<Vec<u8>>> {
    if let Some(reason) = missing_tool() {
        bail!("{reason}");
    }
    plugins::write_wrapper(out)?;
    let mut files = Vec::new();
    for (package, file) in PACKAGES {
        compile(project, package, out)?;
        let built = out.join(TARGET).join(PROFILE).join(file);
        let small = out.join(file);
        make_small(&built, &small)?;
        files.push(fs::read(&small).with_context(|| format!("{file} is missing"))?);
    }
    Ok(files)
}

/// Makes a file smaller, unless what it would become was made of the very same bytes before.
fn make_small(built: &Path, small: &Path) -> Result<()> {
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    let made_of = format!(
        "{:x} {}",
        Sha256::digest(&bytes),
        [OPTIONS, FEATURES].concat().join(" ")
    );
    let note = small.with_extension("made-of");
    if small.exists() && fs::read_to_string(&note).is_ok_and(|noted| noted == made_of) {
        return Ok(());
    }
    let mut smaller = Command::new("wasm-opt");
    smaller.args(OPTIONS);
    smaller.args(FEATURES);
    smaller.arg(built).arg("-o").arg(small);
    process::succeed(smaller)?;
    fs::write(&note, made_of).with_context(|| format!("cannot write {}", note.display()))
}

/// One package in each run: of several, features would be unified, and the core would read TOML.
fn compile(project: &Project, package: &str, out: &Path) -> Result<()> {
    let root = fs::canonicalize(project.root())?;
    // Sources are unpacked first, so that the folder they are in can be named below; once is enough.
    static FETCHED: OnceLock<()> = OnceLock::new();
    if FETCHED.get().is_none() {
        let mut fetch = plugins::cargo(project, ".", "fetch");
        fetch.args(["--locked", "--target", TARGET]);
        process::succeed(fetch)?;
        let _ = FETCHED.set(());
    }
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
    build.arg("--target-dir").arg(out);
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
        .env(renamed::VARIABLE, flags)
        .env("EXTISM_ROOT", root)
        .env("RUSTC_WRAPPER", out.join(plugins::WRAPPER_FILE));
    process::succeed(build)
}

fn folder(project: &Project) -> PathBuf {
    project.path("target/web-core")
}

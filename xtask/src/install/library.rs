//! Building the C library and the command line for installation.
//!
//! Must not know: where the results go. Invariant: the paths are what cargo says it built, so no target
//! folder or file name is guessed.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::platform::Platform;
use crate::process::{self, Echo};
use crate::project::{Project, RELEASE};
use crate::renamed;

/// Built files, where cargo left them.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) shared: PathBuf,
    pub(crate) archive: PathBuf,
    /// The import library, where the platform has one.
    pub(crate) import: Option<PathBuf>,
    /// The command line.
    pub(crate) program: PathBuf,
    /// What a program that links the archive has to link as well.
    pub(crate) native_libraries: Vec<String>,
}

pub(crate) fn build(project: &Project, platform: Platform, echo: Echo) -> Result<Built> {
    let library = build_library(project, platform, echo)?;

    let program = build_program(project, ["extism-cli", "extism"], Profile::Release, echo)?;

    let file = |ending: &str| library_file(&library, ending);
    let shared = shared_file(&library, platform)?;
    let (archive, import) = match platform {
        Platform::Elf | Platform::MacOs => (file(".a")?, None),
        // The endings of the static and of the import library overlap; the longer one names the latter.
        Platform::Windows => (file("extism.lib")?, Some(file(".dll.lib")?)),
    };
    Ok(Built {
        shared,
        archive,
        import,
        program,
        native_libraries: native_libraries(&library),
    })
}

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As users get it.
    Release,
    /// As tests are, and beside them.
    Test,
}

/// Builds a program of a package and answers where it is.
pub(crate) fn build_program(
    project: &Project,
    [package, name]: [&str; 2],
    profile: Profile,
    echo: Echo,
) -> Result<PathBuf> {
    let mut program;
    match profile {
        Profile::Release => {
            program = release(project, "build")?;
            program.args(["--package", package]);
        }
        Profile::Test => {
            program = project.cargo("build");
            // With the features all tests have: for one package alone the engine would be built again.
            program.arg("--workspace");
        }
    }
    program.args(["--bin", name]);
    program.args(["--message-format", "json"]);
    let executable = messages(program, echo)?
        .into_iter()
        .find_map(|message| message.executable);
    executable.with_context(|| format!("cargo built no program {name} in package {package}"))
}

/// Builds the shared library of a package as users get it, and answers where it is.
pub(crate) fn build_native(project: &Project, package: &str, echo: Echo) -> Result<PathBuf> {
    let mut library = release(project, "build")?;
    library.args(["--package", package, "--lib"]);
    library.args(["--message-format", "json"]);
    shared_file(&messages(library, echo)?, Platform::host())
}

/// Builds the library alone, as it is installed, and answers where the shared one is.
pub(crate) fn build_shared(project: &Project, platform: Platform, echo: Echo) -> Result<PathBuf> {
    shared_file(&build_library(project, platform, echo)?, platform)
}

/// Has cargo build as users get it: without a name of this machine's folders.
fn release(project: &Project, subcommand: &str) -> Result<Command> {
    let mut command = project.cargo(subcommand);
    let out = env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.path("target"), PathBuf::from);
    let flags = renamed::release_flags(project, &out)?;
    command.arg(RELEASE).env(renamed::VARIABLE, flags);
    Ok(command)
}

fn build_library(project: &Project, platform: Platform, echo: Echo) -> Result<Vec<Message>> {
    let mut library = release(project, "rustc")?;
    library.args([
        "--package",
        "libextism",
        "--lib",
        // Without the library for Rust, which is there for tests: with it there would be no link-time
        // optimisation, and the engine would be compiled once more for the command line.
        "--crate-type",
        "cdylib,staticlib",
        "--message-format",
        "json",
    ]);
    library.args(["--", "--print", "native-static-libs"]);
    if let Some(argument) = platform.link_argument() {
        library.args(["-C", &format!("link-arg={argument}")]);
    }
    messages(library, echo)
}

fn shared_file(library: &[Message], platform: Platform) -> Result<PathBuf> {
    let ending = match platform {
        Platform::Elf => ".so",
        Platform::MacOs => ".dylib",
        Platform::Windows => ".dll",
    };
    library_file(library, ending)
}

/// One line of cargo's JSON output, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    reason: String,
    target: Target,
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
    message: Option<Diagnostic>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Diagnostic {
    message: String,
    rendered: Option<String>,
}

fn messages(command: Command, echo: Echo) -> Result<Vec<Message>> {
    let streams = process::streams_of(command, echo)?;
    let messages = parse(&streams.output)?;
    if !streams.succeeded {
        let diagnostics = messages
            .iter()
            .filter_map(|message| message.message.as_ref()?.rendered.as_deref());
        bail!("{}{}", diagnostics.collect::<String>(), streams.errors);
    }
    Ok(messages)
}

fn parse(output: &str) -> Result<Vec<Message>> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).context("cargo printed a message that is not JSON"))
        .collect()
}

fn library_file(messages: &[Message], ending: &str) -> Result<PathBuf> {
    let artifacts = messages
        .iter()
        .filter(|message| message.reason == "compiler-artifact");
    let libraries =
        artifacts.filter(|message| message.target.kind.iter().any(|kind| kind == "cdylib"));
    let mut files = libraries.flat_map(|message| &message.filenames);
    let named = files.find(|path| path.to_string_lossy().ends_with(ending));
    named
        .cloned()
        .with_context(|| format!("cargo built no file `*{ending}` in package libextism"))
}

fn native_libraries(messages: &[Message]) -> Vec<String> {
    let notes = messages
        .iter()
        .filter_map(|message| message.message.as_ref());
    let mut lists = notes.filter_map(|note| note.message.strip_prefix("native-static-libs:"));
    lists
        .next_back()
        .unwrap_or("")
        .split_whitespace()
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"]},"filenames":["/t/libother.a"],"executable":null}
{"reason":"compiler-message","target":{"kind":["cdylib"]},"message":{"rendered":"note: x","message":"native-static-libs: -lgcc_s -lm"}}
{"reason":"compiler-artifact","target":{"kind":["cdylib","staticlib"]},"filenames":["/t/libextism.so","/t/libextism.a"],"executable":null}
{"reason":"build-finished","success":true}
"#;

    #[test]
    fn files_and_libraries_are_read_from_what_cargo_says() {
        let messages = parse(OUTPUT).unwrap();
        assert_eq!(
            library_file(&messages, ".so").unwrap(),
            PathBuf::from("/t/libextism.so")
        );
        assert_eq!(
            library_file(&messages, ".a").unwrap(),
            PathBuf::from("/t/libextism.a")
        );
        assert_eq!(native_libraries(&messages), ["-lgcc_s", "-lm"]);
        let missing = library_file(&messages, ".dll").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "cargo built no file `*.dll` in package libextism"
        );
    }
}

//! The library under test, and how programs are built against it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A language and what the compiler calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) standard: &'static str,
}

pub(crate) const C99: Language = Language {
    name: "c",
    standard: "c99",
};
pub(crate) const C11: Language = Language {
    name: "c",
    standard: "c11",
};
pub(crate) const CPP11: Language = Language {
    name: "c++",
    standard: "c++11",
};
pub(crate) const CPP17: Language = Language {
    name: "c++",
    standard: "c++17",
};

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the project is there")
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file of the project")
}

/// Where cargo put the shared library: beside this test.
pub(crate) fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    test.parent().expect("a file is in a folder").to_owned()
}

/// The shared library.
pub(crate) fn shared() -> PathBuf {
    let extension = if cfg!(target_os = "macos") {
        "dylib"
    } else {
        "so"
    };
    folder().join("libextism").with_extension(extension)
}

/// Runs a command that must succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program can be started");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What a variable says, in words: `EXTISM_TEST_CFLAGS` for the compiler, and `EXTISM_TEST_RUNNER` for
/// what runs the programs.
fn words(variable: &str) -> Vec<String> {
    let value = std::env::var(variable).unwrap_or_default();
    value.split_whitespace().map(str::to_owned).collect()
}

/// Whether somebody looks at every access to memory.
pub(crate) fn is_checked() -> bool {
    !words("EXTISM_TEST_RUNNER").is_empty() || !words("EXTISM_TEST_CFLAGS").is_empty()
}

/// The C compiler, with every warning an error.
pub(crate) fn compiler(language: Language) -> Command {
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE"]);
    command
        .args(["-x", language.name])
        .arg(format!("-std={}", language.standard));
    command.arg("-I").arg(root().join("include"));
    command
        .arg("-I")
        .arg(root().join("crates/libextism/tests/c"));
    if is_checked() {
        // Programs leave out what the header calls undefined, and the library only answers with luck.
        command.args(["-g", "-DUNDER_A_CHECKER"]);
    }
    command.args(words("EXTISM_TEST_CFLAGS"));
    command
}

/// Builds a program with the library and answers where it is.
#[track_caller]
pub(crate) fn build(source: &Path, language: Language, scratch: &Path) -> PathBuf {
    let program = scratch.join("program");
    let mut command = compiler(language);
    command.arg(source).arg("-o").arg(&program);
    command.arg("-L").arg(folder());
    command.arg(format!("-Wl,-rpath,{}", folder().display()));
    command.args(["-lextism", "-lpthread", "-ldl"]);
    run(&mut command);
    program
}

/// A built program, to be run with the library it was linked with: cargo puts folders with other copies of it
/// into the environment.
pub(crate) fn program(path: &Path) -> Command {
    let runner = words("EXTISM_TEST_RUNNER");
    let mut command = match runner.split_first() {
        None => Command::new(path),
        Some((runner, arguments)) => {
            let mut command = Command::new(runner);
            command.args(arguments).arg(path);
            command
        }
    };
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Builds and runs a program made by a test; answers how many lines it printed. The last of them
/// says how far it came, if it does not survive.
#[track_caller]
pub(crate) fn run_text(text: &str) -> usize {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let source = scratch.path().join("generated.c");
    std::fs::write(&source, text).expect("a file");
    let mut command = program(&build(&source, C99, scratch.path()));
    let output = run(command.arg(root().join("fixtures/wat")).arg(scratch.path()));
    String::from_utf8_lossy(&output.stdout).lines().count()
}

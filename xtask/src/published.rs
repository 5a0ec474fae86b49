//! Programs made for the published library, run on this project's: a C host built against the
//! published header and library, and the official Python SDK. In both only the file of the library
//! is replaced.
//!
//! Must not know: what the programs do. Invariant: nothing of the published system is kept in the
//! repository; where it cannot be fetched, the stage says so and is skipped.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::install::sample;
use crate::process::{self, Echo};
use crate::project::Project;
use crate::stages::{Job, Report};
use crate::tally::Tally;

/// The published packages compared with: the library in a Python wheel, the SDK, the crate that has
/// the header.
pub(crate) const LIBRARY: &str = "extism-sys==1.41.0";
pub(crate) const SDK: &str = "extism==1.1.1";
const CRATE: &str = "extism@1.41.0";

const HOST: &str = "tests/published/host.c";
const SDK_TEST: &str = "tests/published/sdk.py";
const PLUGINS: &str = "fixtures/plugins";

/// Runs both with `library`, a shared library of this project.
pub(crate) fn run(project: &Project, library: &Path, job: &Job) -> Result<Report> {
    let scratch = tempfile::tempdir()?;
    let python = match environment(scratch.path(), &[LIBRARY.into(), SDK.into()], None) {
        Ok(python) => python,
        Err(error) => {
            return Ok(Report::Skipped(format!(
                "the published packages: {error:#}"
            )));
        }
    };
    let theirs = native_library(&python)?;
    let mut report = Tally::default();
    match published_header() {
        Ok(header) => {
            relinked_host(project, scratch.path(), &header, &theirs, library)?;
            report.passed += 1;
        }
        Err(error) => {
            return Ok(Report::Skipped(format!("the published header: {error:#}")));
        }
    }
    fs::copy(library, &theirs)?;
    let mut sdk = Command::new(&python);
    sdk.arg(project.path(SDK_TEST)).arg(project.path(PLUGINS));
    report.passed += Tally::read(&job.run(sdk)?).passed;
    Ok(Report::Passed(report))
}

/// The published library alone, in a folder of its own below `folder`; fetched unless it is there from an
/// earlier time.
pub(crate) fn library(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join(LIBRARY);
    if let Ok(mut entries) = fs::read_dir(&folder)
        && let Some(entry) = entries.next()
    {
        return Ok(entry?.path());
    }
    let scratch = tempfile::tempdir()?;
    let theirs = native_library(&environment(scratch.path(), &[LIBRARY.into()], None)?)?;
    let name = theirs.file_name().context("the library has no name")?;
    // The folder appears with the library in it or not at all.
    let parent = folder.parent().context("a folder is in a folder")?;
    fs::create_dir_all(parent)?;
    let new = tempfile::tempdir_in(parent)?;
    fs::copy(&theirs, new.path().join(name))?;
    fs::rename(new.keep(), &folder)?;
    Ok(folder.join(name))
}

/// An environment of its own with packages in it, made where they are not published yet with the library
/// below `prefix`; answers its Python.
pub(crate) fn environment(
    scratch: &Path,
    packages: &[OsString],
    prefix: Option<&Path>,
) -> Result<PathBuf> {
    let python = ["python3", "python"]
        .into_iter()
        .find(|name| process::is_installed(name))
        .context("no Python")?;
    let folder = scratch.join("environment");
    let mut venv = Command::new(python);
    quiet(venv.args(["-m", "venv"]).arg(&folder))?;
    let inside = folder.join(if cfg!(windows) {
        r"Scripts\python.exe"
    } else {
        "bin/python"
    });
    let mut pip = Command::new(&inside);
    pip.args(["-m", "pip", "install", "--quiet"]);
    if let Some(prefix) = prefix {
        pip.env(crate::kit::PREFIX, prefix);
    }
    quiet(pip.args(packages))?;
    Ok(inside)
}

fn quiet(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{}", text.lines().last().unwrap_or("it failed"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn native_library(python: &Path) -> Result<PathBuf> {
    let script = "import extism_sys, pathlib; \
                  print(next(pathlib.Path(extism_sys.__file__).parent.glob('libextism_sys.*')))";
    let path = quiet(Command::new(python).args(["-c", script]))?;
    Ok(PathBuf::from(path.trim()))
}

/// Asking cargo about a crate fetches it alone, without what it depends on.
fn published_header() -> Result<PathBuf> {
    quiet(Command::new(env!("CARGO")).args(["info", "--quiet", CRATE]))?;
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir().context("no home folder")?.join(".cargo"),
    };
    let folder = CRATE.replace('@', "-");
    for registry in fs::read_dir(home.join("registry/src"))? {
        let header = registry?.path().join(&folder).join("extism.h");
        if header.exists() {
            return Ok(header);
        }
    }
    bail!("cargo has not unpacked {CRATE}")
}

/// Builds the host against the published library, and runs the same file with one library and the other.
fn relinked_host(
    project: &Project,
    scratch: &Path,
    header: &Path,
    theirs: &Path,
    ours: &Path,
) -> Result<()> {
    let folder = scratch.join("host");
    fs::create_dir(&folder)?;
    let name = theirs.file_name().context("the library has no name")?;
    let library = folder.join(name);
    fs::copy(theirs, &library)?;
    let program = folder.join("host");
    compile(&project.path(HOST), header, &library, &program)?;
    let run = || {
        let mut host = Command::new(&program);
        host.arg(project.path(PLUGINS).join("published_host.wasm"));
        // Set for this one program, in case the library has no name of its own to be found by.
        host.env("LD_LIBRARY_PATH", &folder);
        process::stdout_of(host)
    };
    let expected = run()?;
    fs::copy(ours, &library)?;
    let found = run()?;
    ensure!(
        expected == found,
        "the host prints with the published library\n{expected}\nand with this one\n{found}"
    );
    Ok(())
}

/// A program built from `source` against the published library, in `scratch`; why there is none, if it
/// cannot be had.
pub(crate) fn program(project: &Project, source: &str, scratch: &Path) -> Result<PathBuf> {
    let library = library(&project.path("target/published"))?;
    let program = scratch.join(format!("program{}", env::consts::EXE_SUFFIX));
    compile(
        &project.path(source),
        &published_header()?,
        &library,
        &program,
    )?;
    Ok(program)
}

/// Compiles C against the published header and a library, which the program then finds where it is.
fn compile(source: &Path, header: &Path, library: &Path, program: &Path) -> Result<()> {
    let mut compile = Command::new(sample::compiler());
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"]);
    compile.arg(header.parent().context("the header has no folder")?);
    compile.arg(source).arg(library).arg("-o").arg(program);
    let folder = library.parent().context("the library has no folder")?;
    compile.arg(format!("-Wl,-rpath,{}", folder.display()));
    ensure!(
        process::run(compile, Echo::OnFailure)?.succeeded,
        "{} does not compile against the published header",
        source.display()
    );
    Ok(())
}

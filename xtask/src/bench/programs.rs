//! The benchmark programs: how they are built against each library, and how they are run.
//!
//! Must not know: targets, or how often something is measured. Invariant: both libraries get the same
//! source, the same compiler flags, the same plug-ins and the same environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::elixir;
use super::line::{self, Line};
use super::measurement::Side;
use super::package::Packages;
use super::rows::Language;
use super::{javascript, python};
use crate::install::{self, library, sample};
use crate::process::{self, Echo};
use crate::project::Project;
use crate::published;

/// Everything the benchmark leaves behind, the published library for the next time included.
const FOLDER: &str = "target/bench";

const PLUGINS: [&str; 2] = ["published.wasm", "ours.wasm"];

const HOST_FUNCTION: &str = "bench/host_function.wat";

/// The package whose rows are shown beside those of the C programs.
pub(crate) const RUST: &str = "extism-bench";

/// What can be run.
pub(crate) struct Programs {
    project: Project,
    pub(crate) ours: Linked,
    /// The reason if the published library is not there.
    pub(crate) published: Result<Linked>,
    artefact: PathBuf,
}

/// A library and the host linked with it.
pub(crate) struct Linked {
    pub(crate) side: Side,
    pub(crate) library: PathBuf,
    pub(crate) host: PathBuf,
}

/// Whether compiled code may be kept: in the process, and on disk by the published library, as each does
/// unless it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caches {
    AsUsual,
    Off,
}

impl Programs {
    /// Builds what is not built yet; not the library if a file is given to take its place.
    pub(crate) fn prepare(project: &Project, given: Option<&Path>) -> Result<Programs> {
        ensure!(cfg!(unix), "the benchmark programs need a Unix system");
        let compiler = sample::compiler();
        ensure!(process::is_installed(&compiler), "no {compiler}");
        modules(project)?;
        let folder = project.path(FOLDER);
        let ours = folder.join(Side::Ours.name());
        let built = match given {
            Some(file) => file.to_path_buf(),
            None => install::build_shared_library(project, Echo::Always)?,
        };
        fs::create_dir_all(&ours)?;
        let library = ours.join(install::recorded_name());
        replace(&built, &library)?;
        let host = ours.join("host");
        compile(project, HOST, &library, &host)?;
        let artefact = ours.join("artefact");
        compile(project, ARTEFACT, &library, &artefact)?;
        let ours = Linked {
            side: Side::Ours,
            library,
            host,
        };
        let folder = folder.join(Side::Published.name());
        let published = match published::library(&folder) {
            Ok(library) => {
                let host = folder.join("host");
                compile(project, HOST, &library, &host)?;
                Ok(Linked {
                    side: Side::Published,
                    library,
                    host,
                })
            }
            Err(reason) => Err(reason),
        };
        Ok(Programs {
            project: project.clone(),
            ours,
            published,
            artefact,
        })
    }

    /// The libraries there are, the published one first.
    pub(crate) fn libraries(&self) -> Vec<&Linked> {
        self.published.iter().chain([&self.ours]).collect()
    }

    /// Has the host measure a row.
    pub(crate) fn measure(
        &self,
        linked: &Linked,
        row: &str,
        sample_ms: u32,
        caches: Caches,
    ) -> Result<Vec<Line>> {
        self.lines(&linked.host, row, sample_ms, caches)
            .with_context(|| format!("row `{row}`, {}", linked.side.name()))
    }

    /// Has the program for artefacts measure its row.
    pub(crate) fn measure_artefact(&self, row: &str, sample_ms: u32) -> Result<Vec<Line>> {
        self.lines(&self.artefact, row, sample_ms, Caches::Off)
            .with_context(|| format!("row `{row}`"))
    }

    fn lines(&self, host: &Path, row: &str, sample_ms: u32, caches: Caches) -> Result<Vec<Line>> {
        let mut command = self.command(host, caches);
        command.args(["time", &sample_ms.to_string(), row]);
        line::parse(&process::stdout_of(command)?)
    }

    /// The version a library says it has.
    pub(crate) fn version(&self, linked: &Linked) -> Result<String> {
        let mut command = self.command(&linked.host, Caches::AsUsual);
        command.arg("version");
        let printed = process::stdout_of(command)?;
        Ok(printed.trim().trim_start_matches('v').to_string())
    }

    /// A program in the folder of the plug-ins, without anything a user has set for Extism. What the
    /// published library keeps on disk stays below the benchmark's folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, caches: Caches) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.project.path(FOLDER).join("modules"));
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("EXTISM_") {
                command.env_remove(name);
            }
        }
        command.env("XDG_CACHE_HOME", self.project.path(FOLDER).join("cache"));
        if caches == Caches::Off {
            command.env("EXTISM_CACHE_CONFIG", "");
        }
        command
    }

    /// Builds the program that measures the Rust crate and the engine. It is run as a file: sources that
    /// change while everything is measured are not built in between.
    pub(crate) fn prepare_rust(&self) -> Result<PathBuf> {
        library::build_program(
            &self.project,
            [RUST; 2],
            library::Profile::Release,
            Echo::Always,
        )
    }

    /// The packages for the rows through a language.
    pub(crate) fn prepare_packages(&self, language: Language) -> Result<Packages> {
        let with_published = self.published.is_ok();
        match language {
            Language::Browser => javascript::in_pages(&self.project, with_published),
            Language::Elixir => elixir::prepare(&self.project),
            Language::JavaScript => javascript::in_node(&self.project, with_published),
            Language::Python => python::prepare(&self.project, &self.ours.library, with_published),
        }
    }

    /// Has that program measure the rows whose name contains `filter`.
    pub(crate) fn measure_rust(&self, program: &Path, filter: Option<&str>) -> Result<Vec<Line>> {
        let mut command = self.command(program, Caches::AsUsual);
        command.arg("rows").args(filter);
        line::parse(&process::stdout_of(command)?)
    }
}

/// Puts the plug-ins into one folder.
fn modules(project: &Project) -> Result<()> {
    let folder = project.path(FOLDER).join("modules");
    fs::create_dir_all(&folder)?;
    for name in PLUGINS {
        let from = project.path("bench/plugins").join(name);
        replace(&from, &folder.join(name))?;
    }
    let module = wat::parse_file(project.path(HOST_FUNCTION))?;
    fs::write(folder.join("host_function.wasm"), module)?;
    Ok(())
}

/// Copies a file to where there may be one in use: that one is not written over.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, new.path()).with_context(|| format!("cannot copy {}", from.display()))?;
    new.persist(to)?;
    Ok(())
}

const HOST: &str = "bench/host.c";
const ARTEFACT: &str = "bench/artefact.c";
const HARNESS: &str = "bench/harness.c";

/// The C compiler with the flags that all programs have.
fn compiler(project: &Project) -> Command {
    let mut compiler = Command::new(sample::compiler());
    compiler
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic"])
        .args(["-Werror", "-pthread", "-I"])
        .arg(project.path("include"));
    compiler
}

/// Compiles a program and links it with a library, which it then finds where it is.
fn compile(project: &Project, source: &str, library: &Path, program: &Path) -> Result<()> {
    let folder = library.parent().context("a library is in a folder")?;
    let mut run_path = OsString::from("-Wl,-rpath,");
    run_path.push(folder);
    let mut compile = compiler(project);
    compile
        .args([project.path(source), project.path(HARNESS)])
        .arg(library)
        .arg(run_path)
        .arg("-o")
        .arg(program);
    process::stdout_of(compile).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn programs(published: Result<Linked>) -> Programs {
        Programs {
            project: Project::locate(),
            ours: linked(Side::Ours),
            published,
            artefact: PathBuf::new(),
        }
    }

    fn linked(side: Side) -> Linked {
        Linked {
            side,
            library: PathBuf::new(),
            host: PathBuf::new(),
        }
    }

    #[test]
    fn without_the_published_library_ours_is_alone() {
        let sides = |programs: &Programs| {
            let libraries = programs.libraries().into_iter();
            libraries.map(|linked| linked.side).collect::<Vec<_>>()
        };
        let both = programs(Ok(linked(Side::Published)));
        assert_eq!(sides(&both), [Side::Published, Side::Ours]);
        let alone = programs(Err(anyhow!("no Python")));
        assert_eq!(sides(&alone), [Side::Ours]);
    }

    #[test]
    fn only_the_row_without_caches_sets_anything_for_extism() {
        let programs = programs(Ok(linked(Side::Published)));
        let set = |caches| {
            let command = programs.command("host", caches);
            let set = command.get_envs().filter(|(_, value)| value.is_some());
            set.map(|(name, _)| name.to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(set(Caches::AsUsual), ["XDG_CACHE_HOME"]);
        assert_eq!(set(Caches::Off), ["EXTISM_CACHE_CONFIG", "XDG_CACHE_HOME"]);
    }

    /// The programs are built by nothing else in CI.
    #[cfg(unix)]
    #[test]
    fn the_programs_compile() {
        let project = Project::locate();
        let mut check = compiler(&project);
        check.arg("-fsyntax-only");
        check.args([HOST, ARTEFACT, HARNESS].map(|source| project.path(source)));
        process::stdout_of(check).unwrap();
    }

    #[test]
    fn the_module_with_a_host_function_is_valid_text() {
        let module = wat::parse_file(Project::locate().path(HOST_FUNCTION)).unwrap();
        assert_eq!(module[..4], *b"\0asm");
    }
}

//! SDKs and kits for plug-ins: a folder with an `sdk.toml` or `pdk.toml` says how it is tested.
//!
//! Must not know: any language. Invariant: a folder with such a file is tested or its absence of tools is
//! reported; it is never passed over in silence.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::install::library;
use crate::kit_cases;
use crate::process::{self, Echo};
use crate::project::Project;
use crate::stages::{Job, Report};
use crate::web_core;

/// A kit. The file has more keys than these; each is read by whoever needs it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Kit {
    /// Relative to the root: `sdk/python`.
    #[serde(skip)]
    pub(crate) folder: String,
    /// Programs that must be installed.
    toolchain: Toolchain,
    commands: Commands,
    /// Native code of its own beside the C library.
    native: Option<Native>,
    /// Whether it needs the core for pages.
    #[serde(default)]
    web_core: bool,
    /// Whether the plug-ins of the kits are judged through it, too: it has an engine or a build of its own.
    #[serde(default)]
    kits: bool,
    /// Folders with an `sdk.toml` for the runner of the conformance suite: other ways to run the same
    /// SDK, which are judged by its cases and by those of the kits.
    #[serde(default)]
    variants: Vec<String>,
}

/// A package of the workspace that becomes a library, and the variable by which commands find it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Native {
    package: String,
    variable: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Toolchain {
    programs: Vec<String>,
}

/// What is run in the folder, in this order. Each is a list of words, not a line for a shell.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Commands {
    #[serde(default)]
    build: Vec<String>,
    #[serde(default)]
    lint: Vec<String>,
    test: Vec<String>,
    /// The driver of the conformance suite, where there is one: the cases are tests, too.
    #[serde(default)]
    driver: Vec<String>,
}

/// Where the commands of a kit find the installed library.
pub(crate) const PREFIX: &str = "EXTISM_PREFIX";

/// The kits below the parent folders, `sdk` or `pdk`.
pub(crate) fn find(project: &Project, parents: &[&str]) -> Result<Vec<Kit>> {
    let mut kits = Vec::new();
    for parent in parents {
        for folder in project.folders(parent)? {
            let file = format!("{folder}/{parent}.toml");
            if project.exists(&file) {
                kits.push(read(project, folder, &file)?);
            }
        }
    }
    Ok(kits)
}

/// Builds the native code of all SDKs that can be tested here: no stage after it waits for a compiler.
pub(crate) fn build_natives(project: &Project) -> Result<()> {
    let kits = find(project, &["sdk"])?;
    for kit in kits.iter().filter(|kit| kit.missing_tool().is_none()) {
        kit.build_native(project)?;
    }
    Ok(())
}

impl Native {
    /// Where the library is now, as a command finds it.
    fn build(&self, project: &Project) -> Result<(String, PathBuf)> {
        let built = library::build_native(project, &self.package, Echo::OnFailure)?;
        Ok((self.variable.clone(), built))
    }
}

fn read(project: &Project, folder: String, file: &str) -> Result<Kit> {
    let kit: Kit =
        toml::from_str(&project.read(file)?).with_context(|| format!("{file} cannot be read"))?;
    ensure!(
        !kit.commands.test.is_empty(),
        "{file}: the command `test` is empty"
    );
    Ok(Kit { folder, ..kit })
}

impl Kit {
    /// The name of the folder: `python`.
    pub(crate) fn name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }

    pub(crate) fn test(&self, project: &Project, job: &Job) -> Result<Report> {
        if let Some(reason) = self.missing_tool() {
            return Ok(Report::Skipped(reason));
        }
        let Commands {
            build,
            lint,
            test,
            driver,
        } = &self.commands;
        let built = self.build_native(project)?;
        let with_native = |mut command: Command| {
            command.envs(built.iter().map(|(name, path)| (name, path)));
            command
        };
        for words in [build, lint] {
            if let Some(command) = self.command(project, words) {
                job.run(with_native(command))?;
            }
        }
        let mut tests: Vec<Command> = self.command(project, test).into_iter().collect();
        if !driver.is_empty() {
            tests.extend(self.judged(project, &kit_cases::runner(project)?)?);
        }
        job.tests(tests.into_iter().map(with_native).collect())
    }

    /// The runner of the conformance suite, as often as it judges something of this kit.
    fn judged(&self, project: &Project, runner: &Path) -> Result<Vec<Command>> {
        let mut commands = Vec::new();
        for rewrite in ["on", "off"] {
            for folder in std::iter::once(&self.folder).chain(&self.variants) {
                commands.push(conformance(project, runner, folder, rewrite));
            }
        }
        let with_kits = Some(&self.folder).filter(|_| self.kits);
        for folder in with_kits.into_iter().chain(&self.variants) {
            commands.extend(kit_cases::of_sdk(project, runner, folder)?);
        }
        Ok(commands)
    }

    /// Why it cannot be tested here, if it cannot.
    fn missing_tool(&self) -> Option<String> {
        let missing = process::missing(&self.toolchain.programs);
        missing.or_else(|| web_core::missing_tool().filter(|_| self.web_core))
    }

    /// Builds its native code, unless that is as it would be: where it is now, as its commands find it.
    fn build_native(&self, project: &Project) -> Result<Vec<(String, PathBuf)>> {
        let native = self.native.as_ref();
        let native = native.map(|native| native.build(project)).transpose()?;
        let mut built: Vec<_> = native.into_iter().collect();
        if self.web_core {
            built.push((web_core::VARIABLE.to_owned(), web_core::build(project)?));
        }
        Ok(built)
    }

    fn command(&self, project: &Project, words: &[String]) -> Option<Command> {
        let (program, arguments) = words.split_first()?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(project.path(&self.folder))
            .env(PREFIX, project.prefix());
        Some(command)
    }
}

/// The cases of the suite that all SDKs share, with the rewriting pass or without.
fn conformance(project: &Project, runner: &Path, folder: &str, rewrite: &str) -> Command {
    let mut command = Command::new(runner);
    command
        .args(["--sdk", folder, "--rewrite", rewrite])
        .current_dir(project.root())
        .env(PREFIX, project.prefix());
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    fn project(file: &str, text: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        project.write(file, text).unwrap();
        (folder, project)
    }

    #[test]
    fn a_kit_is_a_folder_with_the_file_of_its_parent() {
        let text = "tier = 1\n[toolchain]\nprograms = []\n[commands]\ntest = [\"true\"]\n";
        let (_folder, project) = project("sdk/python/sdk.toml", text);
        project.write("sdk/notes/README.md", "# Notes\n").unwrap();
        project.write("pdk/c/sdk.toml", text).unwrap();
        let kits = find(&project, &["sdk", "pdk"]).unwrap();
        assert_eq!(kits.iter().map(Kit::name).collect::<Vec<_>>(), ["python"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_missing_program_skips_a_kit_and_its_own_closing_line_counts() {
        let text =
            "[toolchain]\nprograms = [\"extism-no-such-program\"]\n[commands]\ntest = [\"true\"]\n";
        let (_folder, none) = project("sdk/a/sdk.toml", text);
        let job = Job::new(Echo::OnFailure);
        let report = find(&none, &["sdk"]).unwrap()[0].test(&none, &job).unwrap();
        assert_eq!(report, Report::Skipped("no extism-no-such-program".into()));

        let text = "[toolchain]\nprograms = [\"echo\"]\n[commands]\ntest = [\"echo\", \"3 passed, 0 failed, 1 skipped\"]\n";
        let (_folder, echo) = project("sdk/a/sdk.toml", text);
        let report = find(&echo, &["sdk"]).unwrap()[0].test(&echo, &job).unwrap();
        assert_eq!(
            report,
            Report::Passed(Tally {
                passed: 3,
                failed: 0,
                skipped: 1
            })
        );
    }

    #[test]
    fn variants_are_judged_by_the_cases_of_sdks_and_of_kits() {
        let text = "kits = true\nvariants = [\"sdk/a/web\"]\n[toolchain]\nprograms = []\n[commands]\ntest = [\"true\"]\n";
        let (_folder, project) = project("sdk/a/sdk.toml", text);
        for kit in ["c", "rust"] {
            let plugin = kit_cases::plugin(kit);
            project.write(&plugin, "").unwrap();
        }
        let kits = find(&project, &["sdk"]).unwrap();
        let commands = kits[0].judged(&project, Path::new("runner")).unwrap();
        let words = |command: &Command| {
            let words = command.get_args().map(|word| word.to_string_lossy());
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            commands.iter().map(words).collect::<Vec<_>>(),
            [
                "--sdk sdk/a --rewrite on",
                "--sdk sdk/a/web --rewrite on",
                "--sdk sdk/a --rewrite off",
                "--sdk sdk/a/web --rewrite off",
                "--suite pdk --set pdk=c --sdk sdk/a",
                "--suite pdk --set pdk=rust --sdk sdk/a",
                "--suite pdk --set pdk=c --sdk sdk/a/web",
                "--suite pdk --set pdk=rust --sdk sdk/a/web",
            ]
        );
    }

    #[test]
    fn a_kit_without_tests_is_refused() {
        let (_folder, project) = project(
            "pdk/c/pdk.toml",
            "[toolchain]\nprograms = []\n[commands]\ntest = []\n",
        );
        let error = find(&project, &["pdk"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pdk/c/pdk.toml: the command `test` is empty"
        );
    }
}

//! The stages of `cargo xtask test` and `cargo xtask ci`: one table, with what each may cost.
//!
//! Must not know: how a stage is shown or counted. Invariant: all stages together fit into an hour on two
//! cores from nothing, and `ci` runs everything that `test` runs.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::install::{self, sample};
use crate::process::{self, Echo};
use crate::project::Project;
use crate::stages::{Job, OnFailure, Report, Stage, Start};
use crate::tally::Tally;
use crate::{
    dependencies, game_box, generate, kit, kit_cases, memory, plugins, published, readme, renamed,
    safety, tidy, web_core,
};

/// What the stages work on.
pub(crate) struct Context<'a> {
    pub(crate) project: &'a Project,
    /// Only tests whose name contains this.
    pub(crate) filter: Option<&'a str>,
}

/// Which stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The tests alone, for a run with a filter.
    Filtered,
    /// The inner loop.
    Test,
    /// Everything.
    Ci,
}

struct Entry {
    name: &'static str,
    /// Minutes on two cores from nothing.
    minutes: u64,
    /// How many tests pass at least: a run that has lost some fails. It may only be raised.
    passed_min: u64,
    /// The smallest scope that includes the stage.
    scope: Scope,
    start: Start,
    on_failure: OnFailure,
    run: fn(&Context<'_>, &Job) -> Result<Report>,
}

const fn entry(
    name: &'static str,
    minutes: u64,
    scope: Scope,
    run: fn(&Context<'_>, &Job) -> Result<Report>,
) -> Entry {
    Entry {
        name,
        minutes,
        passed_min: 0,
        scope,
        start: Start::InTurn,
        on_failure: OnFailure::Continue,
        run,
    }
}

/// It has a profile of its own, so cargo builds it beside the tests; most of the time one core links.
const LIBRARY: Entry = Entry {
    start: Start::AtOnce,
    ..entry("library", 20, Scope::Ci, library)
};

/// After the kits, since it stands on one of them.
const GAME_BOX: Entry = entry("game box", KIT_MINUTES, Scope::Ci, game_box);

/// After the kits, one of which builds what the page is made of.
const PLAYGROUND: Entry = entry("playground", 4, Scope::Ci, playground);

const TABLE: &[Entry] = &[
    entry("format", 1, Scope::Test, format),
    entry("tidy", 1, Scope::Test, tidy),
    entry("lint", 5, Scope::Test, lint),
    Entry {
        on_failure: OnFailure::Stop,
        ..entry("build", 14, Scope::Filtered, build)
    },
    Entry {
        passed_min: 1160,
        ..entry("tests", 8, Scope::Filtered, tests)
    },
    Entry {
        passed_min: 70,
        ..entry(
            "documentation tests",
            4,
            Scope::Filtered,
            documentation_tests,
        )
    },
    entry("safety", SAFETY_MINUTES, Scope::Test, safety_daily),
    Entry {
        passed_min: 13,
        ..entry("models", 2, Scope::Test, models)
    },
    entry("C header", 1, Scope::Test, header),
    entry("generated files", 1, Scope::Ci, generated),
    entry("plug-ins", 5, Scope::Ci, built_plugins),
    LIBRARY,
    entry("installation", 1, Scope::Ci, installation),
    entry("published programs", 2, Scope::Ci, published_programs),
    entry("kits", 2, Scope::Ci, kits_on_this_library),
    entry("kits, published", 1, Scope::Ci, kits_on_the_published),
];

/// Minutes the safety suites may take with the numbers of every day, and with those of a release.
const SAFETY_MINUTES: u64 = 3;
const SAFETY_WHOLE_MINUTES: u64 = 90;

/// Minutes a memory checker may take, most of them for compiling the engine once more.
const MEMORY_MINUTES: u64 = 60;

/// Minutes a kit may take, each; kits are counted on top of the table.
const KIT_MINUTES: u64 = 10;

/// The stages of a scope.
pub(crate) fn stages<'a>(context: &'a Context<'a>, scope: Scope) -> Result<Vec<Stage<'a>>> {
    let mut stages: Vec<Stage<'a>> = TABLE
        .iter()
        .filter(|entry| includes(scope, entry.scope))
        .map(|entry| stage(context, entry))
        .collect();
    if scope == Scope::Ci {
        stages.extend(kits(context.project, &["sdk", "pdk"], None)?);
        stages.push(stage(context, &GAME_BOX));
        stages.push(stage(context, &PLAYGROUND));
    }
    Ok(stages)
}

/// The stages that test SDKs or kits for plug-ins: all below the parent folders, or the one of that name.
pub(crate) fn kits<'a>(
    project: &'a Project,
    parents: &[&str],
    name: Option<&str>,
) -> Result<Vec<Stage<'a>>> {
    let found = kit::find(project, parents)?;
    let wanted = found
        .into_iter()
        .filter(|kit| name.is_none_or(|name| kit.name() == name));
    Ok(wanted
        .map(|kit| Stage {
            name: kit.folder.clone(),
            budget: Duration::from_secs(60 * KIT_MINUTES),
            start: Start::InTurn,
            on_failure: OnFailure::Continue,
            run: Box::new(move |job| kit.test(project, job)),
        })
        .collect())
}

/// The stage that all kits need.
pub(crate) fn library_stage<'a>(context: &'a Context<'a>) -> Stage<'a> {
    Stage {
        on_failure: OnFailure::Stop,
        ..stage(context, &LIBRARY)
    }
}

/// The safety suites by themselves.
pub(crate) fn safety_stage<'a>(project: &'a Project, options: &'a safety::Options) -> Stage<'a> {
    let minutes = match options.whole {
        true => SAFETY_WHOLE_MINUTES,
        false => SAFETY_MINUTES,
    };
    alone("safety", minutes, move |job| {
        safety::run(project, options, job)
    })
}

/// The C tests under a memory checker.
pub(crate) fn memory_stage(project: &Project, checker: memory::Checker) -> Stage<'_> {
    alone("memory", MEMORY_MINUTES, move |job| {
        memory::run(project, checker, job)
    })
}

/// A stage that is a command of its own.
fn alone<'a>(
    name: &str,
    minutes: u64,
    run: impl FnOnce(&Job) -> Result<Report> + Send + 'a,
) -> Stage<'a> {
    Stage {
        name: name.to_string(),
        budget: Duration::from_secs(60 * minutes),
        start: Start::InTurn,
        on_failure: OnFailure::Continue,
        run: Box::new(run),
    }
}

fn stage<'a>(context: &'a Context<'a>, entry: &'static Entry) -> Stage<'a> {
    Stage {
        name: entry.name.to_string(),
        budget: Duration::from_secs(60 * entry.minutes),
        start: entry.start,
        on_failure: entry.on_failure,
        run: Box::new(move |job| {
            let report = (entry.run)(context, job)?;
            Ok(match context.filter {
                None => at_least(entry.passed_min, report),
                Some(_) => report,
            })
        }),
    }
}

/// Fails if fewer tests have passed.
fn at_least(passed_min: u64, report: Report) -> Report {
    match report {
        Report::Passed(tally) if tally.passed < passed_min => {
            let text = format!("{tally}, but there were {passed_min} before: what is missing?");
            Report::Failed(Tally::FAILED, text)
        }
        report => report,
    }
}

fn includes(wanted: Scope, smallest: Scope) -> bool {
    match wanted {
        Scope::Filtered => smallest == Scope::Filtered,
        Scope::Test => smallest != Scope::Ci,
        Scope::Ci => true,
    }
}

/// Workspaces beside the main one: for plug-ins, and for what is built in another way.
const OTHER_WORKSPACES: &[&str] = &[
    "models",
    "pdk/rust",
    "examples/game_box/games",
    "examples/plugins",
    "fixtures/plugins",
    "bench/plugins",
];

fn format(context: &Context<'_>, job: &Job) -> Result<Report> {
    let folders = std::iter::once(".").chain(OTHER_WORKSPACES.iter().copied());
    let check = |folder| with(cargo_in(context, folder, "fmt"), &["--all", "--check"]);
    job.checks(folders.map(check).collect())
}

fn cargo_in(context: &Context<'_>, folder: &str, subcommand: &str) -> Command {
    let mut command = context.project.cargo(subcommand);
    command.current_dir(context.project.path(folder));
    command
}

fn tidy(context: &Context<'_>, _: &Job) -> Result<Report> {
    tidy::run(context.project)?;
    dependencies::check(context.project)?;
    Ok(Report::Passed(Tally::PASSED))
}

/// Clippy checks and does not build, so it has the profile of its own that it needs anyway.
fn lint(context: &Context<'_>, job: &Job) -> Result<Report> {
    let options = ["--workspace", "--all-targets", "--", "-D", "warnings"];
    let clippy = |folder| with(cargo_in(context, folder, "clippy"), &options);
    job.checks(vec![clippy(".")])
}

/// The same targets as the tests need, so that features are unified the same way and nothing is built twice.
fn build(context: &Context<'_>, job: &Job) -> Result<Report> {
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    let build = with(context.project.cargo("build"), &["--workspace"]);
    job.checks(vec![with(build, &targets)])
}

/// The code that stops calls, in every order of its steps: a workspace of its own, without the engine.
fn models(context: &Context<'_>, job: &Job) -> Result<Report> {
    job.tests(vec![models_command(context.project)])
}

/// The models, in every order of their steps; with their feature `shuttle`, in random ones.
pub(crate) fn models_command(project: &Project) -> Command {
    let mut command = project.cargo("test");
    command
        .current_dir(project.path("models"))
        .args(["--locked", "--target-dir"])
        .arg(project.path("target/models"));
    command
}

fn safety_daily(context: &Context<'_>, job: &Job) -> Result<Report> {
    let options = safety::Options {
        filter: None,
        whole: false,
    };
    safety::run(context.project, &options, job)
}

/// Tests that need a feature which is off in the product, or to be without one that is on. Where the engine
/// is part of it the workspace is chosen, so that the engine is built once.
const WITH_FEATURES: &[&[&str]] = &[
    &["--package", "extism-manifest", "--features", "json_schema"],
    // As it is in pages, where the platform's engine validates.
    &["--package", "extism-rewrite", "--no-default-features"],
    &[
        "--workspace",
        "--features",
        "libextism/inject-panic",
        "panics::",
    ],
];

fn tests(context: &Context<'_>, job: &Job) -> Result<Report> {
    let mut commands = vec![test_command(context, &["--workspace"])];
    for selection in WITH_FEATURES {
        // With a filter of its own a run chooses among all tests.
        let filtered = context.filter.is_some();
        let chosen = selection
            .iter()
            .filter(|word| !filtered || !word.ends_with("::"));
        let chosen: Vec<&str> = chosen.copied().collect();
        commands.push(test_command(context, &chosen));
    }
    job.tests(commands)
}

/// nextest where it is installed: it runs test programs side by side and ends those that hang.
fn test_command(context: &Context<'_>, selection: &[&str]) -> Command {
    let project = context.project;
    let mut command = if process::is_installed("cargo-nextest") {
        let options = ["--no-tests", "pass", "--config-file", "xtask/nextest.toml"];
        with(with(project.cargo("nextest"), &["run"]), &options)
    } else {
        let targets = ["--lib", "--bins", "--tests", "--examples"];
        with(with(project.cargo("test"), &["--no-fail-fast"]), &targets)
    };
    command.args(selection).args(context.filter);
    command
}

fn documentation_tests(context: &Context<'_>, job: &Job) -> Result<Report> {
    let mut command = with(
        context.project.cargo("test"),
        &["--workspace", "--doc", "--no-fail-fast"],
    );
    command.args(context.filter);
    job.tests(vec![command])
}

/// The languages the header has to be correct in, without a warning.
const HEADER_LANGUAGES: &[(&str, &str)] = &[
    ("c", "c99"),
    ("c", "c11"),
    ("c++", "c++11"),
    ("c++", "c++17"),
];

fn header(context: &Context<'_>, job: &Job) -> Result<Report> {
    let compiler = sample::compiler();
    if !process::is_installed(&compiler) {
        return Ok(Report::Skipped(format!("no {compiler}")));
    }
    let scratch = tempfile::tempdir()?;
    let source = scratch.path().join("twice");
    std::fs::write(&source, "#include <extism.h>\n#include <extism.h>\n")?;
    let commands = HEADER_LANGUAGES.iter().map(|(language, standard)| {
        let mut command = Command::new(&compiler);
        command.args([
            "-fsyntax-only",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-x",
            language,
        ]);
        command
            .arg(format!("-std={standard}"))
            .arg("-I")
            .arg(context.project.path("include"))
            .arg(&source);
        command
    });
    job.checks(commands.collect())
}

fn generated(context: &Context<'_>, _: &Job) -> Result<Report> {
    generate::check(context.project)?;
    Ok(Report::Passed(Tally::PASSED))
}

fn built_plugins(_: &Context<'_>, _: &Job) -> Result<Report> {
    plugins::check()
}

/// Installs the library and the command line into an empty folder, once for every stage that needs them, and
/// builds what SDKs have of native code of their own.
fn library(context: &Context<'_>, _: &Job) -> Result<Report> {
    let prefix = context.project.prefix();
    if prefix.exists() {
        fs::remove_dir_all(&prefix)?;
    }
    install::run(
        context.project,
        &install::Options::at(&prefix),
        Echo::OnFailure,
    )?;
    kit::build_natives(context.project)?;
    Ok(Report::Passed(Tally::PASSED))
}

/// Compiles C against the installation, and types in what README.md shows.
fn installation(context: &Context<'_>, _: &Job) -> Result<Report> {
    if let Some(reason) = sample::missing_tool() {
        return Ok(Report::Skipped(reason));
    }
    let prefix = context.project.prefix();
    let library = install::shared_library(&prefix);
    let named = renamed::folders_named_in(context.project, &library)?;
    ensure!(named.is_empty(), "{} names {named:?}", library.display());
    ensure!(
        !memory::is_sanitized(&library)?,
        "{} was compiled for a sanitizer",
        library.display()
    );
    readme::check_programs(context.project)?;
    let samples = sample::prove(context.project, &prefix)?;
    let examples = readme::run(context.project, &prefix)?;
    Ok(Report::Passed(Tally {
        passed: samples + examples,
        ..Tally::default()
    }))
}

/// What was built for the published library runs on this one.
fn published_programs(context: &Context<'_>, job: &Job) -> Result<Report> {
    let library = install::shared_library(&context.project.prefix());
    published::run(context.project, &library, job)
}

/// What the kits make works alike.
fn kits_on_this_library(context: &Context<'_>, job: &Job) -> Result<Report> {
    kit_cases::run(context.project, job)
}

/// What this project's kits make works on the published library.
fn kits_on_the_published(context: &Context<'_>, job: &Job) -> Result<Report> {
    kit_cases::run_published(context.project, job)
}

/// The example that is an application: its tests start nodes and browsers.
fn game_box(context: &Context<'_>, job: &Job) -> Result<Report> {
    game_box::test(context.project, job)
}

/// The page that is an example: checked, and used in a browser.
fn playground(context: &Context<'_>, job: &Job) -> Result<Report> {
    let missing = process::missing(&["node", "npm", "chromium"]);
    if let Some(reason) = missing.or_else(web_core::missing_tool) {
        return Ok(Report::Skipped(reason));
    }
    let core = web_core::build(context.project)?;
    let in_folder = |word: &str| {
        let mut command = Command::new("node");
        command
            .args(["check.mjs", word])
            .current_dir(context.project.path("examples/playground"))
            .env(web_core::VARIABLE, &core);
        command
    };
    job.run(in_folder("lint"))?;
    job.tests(vec![in_folder("test")])
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_into_an_hour() {
        let in_turn = TABLE.iter().filter(|entry| entry.start == Start::InTurn);
        let minutes: u64 = in_turn.map(|entry| entry.minutes).sum();
        assert!(minutes < 60, "{minutes} minutes");
    }

    #[test]
    fn a_stage_that_lost_tests_fails() {
        let report = |passed| {
            at_least(
                3,
                Report::Passed(Tally {
                    passed,
                    ..Tally::default()
                }),
            )
        };
        assert!(matches!(report(3), Report::Passed(tally) if tally.passed == 3));
        assert!(
            matches!(report(2), Report::Failed(tally, text) if tally.failed == 1 && text.contains("3 before"))
        );
        let skipped = at_least(3, Report::Skipped("no compiler".into()));
        assert!(matches!(skipped, Report::Skipped(_)));
    }

    #[test]
    fn every_scope_includes_the_smaller_ones() {
        let project = Project::locate();
        let context = Context {
            project: &project,
            filter: None,
        };
        let names = |scope| {
            let stages = stages(&context, scope).unwrap();
            stages
                .into_iter()
                .map(|stage| stage.name)
                .collect::<Vec<_>>()
        };
        let (filtered, test, ci) = (names(Scope::Filtered), names(Scope::Test), names(Scope::Ci));
        assert_eq!(filtered, ["build", "tests", "documentation tests"]);
        assert!(filtered.iter().all(|name| test.contains(name)));
        assert!(test.iter().all(|name| ci.contains(name)));
        assert!(ci.len() > test.len());
    }
}

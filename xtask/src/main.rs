//! The project's one command: `cargo xtask`. It builds, tests, generates, installs and packs.
//!
//! Must not know: anything a user of the project needs; it is run by those who work on it. Invariant: every
//! step is here in Rust, so it is the same on every system and in CI.

#![forbid(unsafe_code)]

mod bench;
mod campaign;
mod dependencies;
mod dist;
mod fuzz;
mod game_box;
mod generate;
mod install;
mod kit;
mod kit_cases;
mod ledger;
mod memory;
mod plugins;
mod process;
mod processor_time;
mod project;
mod published;
mod readme;
mod renamed;
mod safety;
mod stages;
mod suite;
mod tally;
mod tidy;
mod web_core;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};

use process::Echo;
use project::Project;
use suite::{Context, Scope};

/// Build, test, generate, install and pack Extism.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
    /// Show what the programs print while they run.
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Check format, lints and the tree, and run all tests.
    Test(TestOptions),
    /// Everything `test` does, and the generated files, the plug-ins, an installation and the kits.
    Ci,
    /// Write the files that are generated from tables.
    Gen {
        /// Write nothing; fail if a file would change.
        #[arg(long)]
        check: bool,
    },
    /// Check the rules no compiler checks.
    Tidy,
    /// Build the plug-ins of the examples and fixtures.
    Plugins {
        /// Write nothing; fail if a plug-in would change.
        #[arg(long)]
        check: bool,
    },
    /// Build the core of the JavaScript SDK for pages.
    WebCore,
    /// Build and install the C library, its header and the command line.
    Install(install::Options),
    /// Write the release package for this platform into `dist`, and try it.
    Dist,
    /// Run the safety suites.
    Safety(safety::Options),
    /// Run the fuzz targets, under coverage or quickly.
    Fuzz(fuzz::Options),
    /// Run the C tests with every access to memory looked at.
    Memory(memory::Options),
    /// The long part of testing: fuzzing, the whole safety suites, memory checkers, mutation and so on.
    Campaign(campaign::Options),
    /// Measure this library and the published one side by side.
    Bench(bench::Options),
}

#[derive(Args)]
struct TestOptions {
    /// Only tests whose name contains this; nothing else is checked.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sdk", "pdk"])]
    filter: Option<String>,
    /// The SDK of this language instead, or `all`.
    #[arg(long, value_name = "LANGUAGE")]
    sdk: Option<String>,
    /// The kit for plug-ins of this language instead, or `all`.
    #[arg(long, value_name = "LANGUAGE")]
    pdk: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let project = Project::locate();
    let echo = if arguments.verbose {
        Echo::Always
    } else {
        Echo::OnFailure
    };
    match &arguments.command {
        Subcommands::Test(options) => return test(&project, options, echo),
        Subcommands::Safety(options) => return safety(&project, options, echo),
        Subcommands::Ci => return scope(&project, None, Scope::Ci, echo),
        Subcommands::Gen { check: true } => generate::check(&project)?,
        Subcommands::Gen { check: false } => print!("{}", generate::write(&project)?),
        Subcommands::Tidy => tidy::run(&project)?,
        Subcommands::Plugins { check } => plugins::run(*check)?,
        Subcommands::WebCore => web_core::run(&project)?,
        Subcommands::Install(options) => install(&project, options)?,
        Subcommands::Dist => {
            for file in dist::run(&project, Echo::Always)? {
                println!("{file}");
            }
        }
        Subcommands::Fuzz(options) => fuzz::run(&project, options)?,
        Subcommands::Memory(options) => return memory(&project, options),
        Subcommands::Campaign(options) => campaign::run(&project, options)?,
        Subcommands::Bench(options) => bench::run(&project, options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn test(project: &Project, options: &TestOptions, echo: Echo) -> Result<ExitCode> {
    let context = Context {
        project,
        filter: None,
    };
    let mut kits = Vec::new();
    for (parent, wanted) in [("sdk", &options.sdk), ("pdk", &options.pdk)] {
        if let Some(name) = wanted {
            let name = Some(name.as_str()).filter(|name| *name != "all");
            let found = suite::kits(project, &[parent], name)?;
            if found.is_empty() {
                bail!("there is no {parent}/{}/{parent}.toml", name.unwrap_or("*"));
            }
            kits.extend(found);
        }
    }
    if !kits.is_empty() {
        kits.insert(0, suite::library_stage(&context));
        return Ok(exit_code(stages::run(kits, echo)));
    }
    let filter = options.filter.as_deref();
    scope(
        project,
        filter,
        if filter.is_some() {
            Scope::Filtered
        } else {
            Scope::Test
        },
        echo,
    )
}

fn safety(project: &Project, options: &safety::Options, echo: Echo) -> Result<ExitCode> {
    let stage = suite::safety_stage(project, options);
    Ok(exit_code(stages::run(vec![stage], echo)))
}

fn memory(project: &Project, options: &memory::Options) -> Result<ExitCode> {
    let stage = suite::memory_stage(project, options.checker);
    Ok(exit_code(stages::run(vec![stage], Echo::Always)))
}

fn scope(project: &Project, filter: Option<&str>, scope: Scope, echo: Echo) -> Result<ExitCode> {
    let context = Context { project, filter };
    Ok(exit_code(stages::run(
        suite::stages(&context, scope)?,
        echo,
    )))
}

fn exit_code(total: tally::Tally) -> ExitCode {
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn install(project: &Project, options: &install::Options) -> Result<()> {
    let installed = install::run(project, options, Echo::Always)?;
    for path in installed {
        println!("{}", options.prefix.join(Path::new(&path)).display());
    }
    Ok(())
}

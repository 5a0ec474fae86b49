//! The safety suites: what hostile plug-ins, servers, folders and callers try, and what must come of it.
//!
//! Every case has an id and a row in `cases/*.toml`. A row is either run here, in a process of its own and
//! with the rewriting pass on and off, or it names the tests that prove it. Must not know: the inside of the
//! runtime. Invariant: the last line is `N passed, N failed, N skipped`, no suite is smaller than
//! `minimum.toml` says, and a case that aborts or hangs is a failure like any other.
#![deny(unsafe_code)]

mod allocator;
mod case;
mod concurrency;
mod exhaustion;
mod faults;
mod files;
mod http;
mod limits;
mod memory;
mod module;
mod proof;
mod runner;
mod server;
mod setting;
mod suite;
mod table;
mod witness;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use runner::{Run, Scale, Selection};

/// Run the safety suites.
#[derive(Parser)]
#[command(name = "extism-safety")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Commands>,
    /// Only cases whose id contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// The numbers of a release, not those of every day: more rounds, and tight bounds on lateness.
    #[arg(long)]
    whole: bool,
    /// How many cases run side by side.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    jobs: usize,
}

#[derive(Subcommand)]
enum Commands {
    /// Write docs/safety-cases.md.
    Table {
        /// Write nothing; fail if the document would change.
        #[arg(long)]
        check: bool,
    },
    /// Run one case here. The runner starts a process of its own for each.
    #[command(hide = true)]
    Case {
        id: String,
        #[command(flatten)]
        run: Run,
    },
}

/// The root of the project.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Commands::Table { check }) => table::write(root(), *check),
        Some(Commands::Case { id, run }) => suite::run(id, *run),
        None => all(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn all(arguments: &Arguments) -> Result<()> {
    let suites = case::load()?;
    proof::check(root(), &suites)?;
    let selection = Selection {
        filter: arguments.filter.clone(),
        scale: match arguments.whole {
            true => Scale::Whole,
            false => Scale::Daily,
        },
        jobs: arguments.jobs,
    };
    runner::run(&suites, &selection)
}

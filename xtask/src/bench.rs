//! `cargo xtask bench`: this library and the published one side by side.
//!
//! Must not know: what the operations are; the programs in `bench/` do. Invariant: both libraries are
//! measured in one run and in turn, row by row, so that what disturbs the machine disturbs both; each row
//! has a process of its own.

mod document;
mod elixir;
mod instructions;
mod javascript;
mod line;
mod machine;
mod measurement;
mod package;
mod programs;
mod progress;
mod python;
mod rows;
mod table;
mod verdict;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::process;
use crate::project::Project;
use document::Content;
use line::{Line, Unit};
use measurement::Measurements;
use package::Packages;
use programs::{Caches, Programs};
use progress::Progress;
use rows::{Language, ROWS, Row, Source};

const DOCUMENT: &str = "docs/benchmarks.md";

/// The row that is about compiling: what was compiled before must not be found again.
const WITHOUT_CACHES: &str = "load first";

/// The load from which on somebody else must be at work: the benchmark's own is at most two threads.
const LOAD_MAX: f64 = 2.0;

/// What to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Only rows whose name contains this.
    filter: Option<String>,
    /// How often each row is measured; the table has the medians.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// One round of short loops: to see that it works, not to compare.
    #[arg(long, conflicts_with_all = ["rounds", "write"])]
    quick: bool,
    /// Measure this shared library in place of the one that is built from the sources, and leave out the
    /// Rust program.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    library: Option<PathBuf>,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
    /// Write docs/benchmarks.md as well.
    #[arg(long, conflicts_with = "filter")]
    write: bool,
    /// Count instructions per call under valgrind instead.
    #[arg(long, conflicts_with_all = ["quick", "rounds", "write"])]
    instructions: bool,
    /// Run the micro-benchmarks of the parts instead.
    #[arg(long, conflicts_with_all = ["quick", "rounds", "json", "write", "instructions"])]
    micro: bool,
}

/// How long and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effort {
    rounds: u32,
    sample_ms: u32,
}

impl Options {
    fn effort(&self) -> Effort {
        if self.quick {
            return Effort {
                rounds: 1,
                sample_ms: 5,
            };
        }
        Effort {
            rounds: self.rounds,
            sample_ms: 50,
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|filter| name.contains(filter))
    }
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let filter = options.filter.as_deref();
    if options.micro {
        let succeeded = micro(project, filter).status()?.success();
        ensure!(succeeded, "the micro-benchmarks failed");
        return Ok(());
    }
    let progress = Progress::new();
    if options.library.is_none() {
        progress.part("building this library");
    }
    let programs = Programs::prepare(project, options.library.as_deref())?;
    let missing = programs
        .published
        .as_ref()
        .err()
        .map(|reason| format!("{reason:#}"));
    if let Some(reason) = &missing {
        progress.clear();
        eprintln!("only this library is measured, the published one cannot be fetched: {reason}");
    }
    if options.instructions {
        if let Some(reason) = instructions::missing_tool() {
            println!("instructions are not counted: {reason}");
            return Ok(());
        }
        return print(options, &instructions::count(&programs, filter, &progress)?);
    }
    let times = measure(&programs, options, &progress)?;
    print(options, &times)?;
    if let Some(load) = machine::load().filter(|load| *load > LOAD_MAX) {
        eprintln!("this machine is busy with other things, times are not reliable: load {load:.1}");
    }
    if options.write {
        let tool = instructions::missing_tool();
        let counted = match &tool {
            Some(reason) => Err(reason.as_str()),
            None => Ok(instructions::count(&programs, None, &progress)?),
        };
        let text = document::render(&Content {
            times: &times,
            instructions: counted.as_ref().map_err(|reason| *reason),
            facts: &machine::facts(&programs)?,
            rounds: options.rounds,
            published_missing: missing.as_deref(),
        });
        project.write(DOCUMENT, &text)?;
        eprintln!("{DOCUMENT} is written");
    }
    Ok(())
}

fn print(options: &Options, measured: &Measurements) -> Result<()> {
    if measured.rows.is_empty() {
        bail!(
            "no row has `{}` in its name",
            options.filter.as_deref().unwrap_or("")
        );
    }
    if options.json {
        print!("{}", table::json(measured));
    } else {
        print!("{}", table::text(measured));
    }
    Ok(())
}

/// Measures everything that is wanted, round by round.
fn measure(programs: &Programs, options: &Options, progress: &Progress) -> Result<Measurements> {
    let effort = options.effort();
    let rust = match options.library {
        Some(_) => None,
        None => {
            progress.part("building the Rust program");
            Some(programs.prepare_rust()?)
        }
    };
    let packages = packages(programs, options, progress);
    let mut all = Measurements::default();
    for round in 1..=effort.rounds {
        let label = format!("round {round} of {}", effort.rounds);
        progress.part(&label);
        for task in tasks(options) {
            progress.step(&format!("{label}  {}", task.name));
            measure_row(programs, &packages, options, &task, round, &mut all)?;
        }
        if let Some(rust) = &rust {
            progress.step(&format!("{label}  the Rust program"));
            for line in programs.measure_rust(rust, options.filter.as_deref())? {
                all.add(programs.ours.side, line)?;
            }
        }
    }
    progress.clear();
    Ok(all)
}

/// The packages of the languages that rows want, as far as they can be had.
fn packages(
    programs: &Programs,
    options: &Options,
    progress: &Progress,
) -> BTreeMap<Language, Packages> {
    let mut packages = BTreeMap::new();
    for language in [
        Language::Python,
        Language::JavaScript,
        Language::Browser,
        Language::Elixir,
    ] {
        let is_wanted = |task: &Task| task.source == Source::Package(language);
        // A library that is given is not the one that this package has.
        let is_absent = language == Language::Elixir && options.library.is_some();
        if is_absent || !tasks(options).iter().any(is_wanted) {
            continue;
        }
        let name = language.name();
        progress.part(&format!("preparing the packages for {name}"));
        match programs.prepare_packages(language) {
            Ok(prepared) => _ = packages.insert(language, prepared),
            Err(reason) => {
                progress.clear();
                eprintln!("nothing is measured through {name}: {reason:#}");
            }
        }
    }
    packages
}

/// A row as it is asked for: rows that are measured together are one task.
#[derive(Debug, PartialEq, Eq)]
struct Task {
    name: &'static str,
    source: Source,
}

fn tasks(options: &Options) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for Row { name, source, .. } in ROWS.iter().filter(|row| options.wants(row.name)) {
        let name = match source {
            Source::Host(name) => name,
            Source::Artefact | Source::Package(_) | Source::Files => name,
        };
        let task = Task {
            name,
            source: *source,
        };
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks
}

fn measure_row(
    programs: &Programs,
    packages: &BTreeMap<Language, Packages>,
    options: &Options,
    task: &Task,
    round: u32,
    all: &mut Measurements,
) -> Result<()> {
    let sample_ms = options.effort().sample_ms;
    let mut libraries = programs.libraries();
    // The one that comes second finds a warmer machine: they take turns in that too.
    let reversed = round.is_multiple_of(2);
    if reversed {
        libraries.reverse();
    }
    match task.source {
        Source::Host(name) => {
            let caches = if name == WITHOUT_CACHES {
                Caches::Off
            } else {
                Caches::AsUsual
            };
            for linked in libraries {
                for line in programs.measure(linked, name, sample_ms, caches)? {
                    ensure!(
                        rows::find(&line.row).is_some(),
                        "the row `{}` is not in the table",
                        line.row
                    );
                    if options.wants(&line.row) {
                        all.add(linked.side, line)?;
                    }
                }
            }
        }
        Source::Artefact => {
            for line in programs.measure_artefact(task.name, sample_ms)? {
                all.add(programs.ours.side, line)?;
            }
        }
        // Without the packages there is nothing to measure.
        Source::Package(language) => {
            if let Some(packages) = packages.get(&language) {
                for (side, line) in packages.measure(task.name, sample_ms, reversed)? {
                    all.add(side, line)?;
                }
            }
        }
        // Sizes do not change between rounds.
        Source::Files if round == 1 => {
            for linked in libraries {
                let line = Line {
                    row: task.name.to_string(),
                    unit: Unit::Bytes,
                    value: stripped_bytes(&linked.library)? as f64,
                    count: None,
                };
                all.add(linked.side, line)?;
            }
        }
        Source::Files => {}
    }
    Ok(())
}

/// The size of a library without its symbols; as it is where there is no tool to remove them.
fn stripped_bytes(library: &Path) -> Result<u64> {
    if !process::is_installed("strip") {
        return Ok(fs::metadata(library)?.len());
    }
    let scratch = tempfile::tempdir()?;
    let stripped = scratch.path().join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(library);
    process::stdout_of(strip)?;
    Ok(fs::metadata(stripped)?.len())
}

fn micro(project: &Project, filter: Option<&str>) -> Command {
    let mut command = project.cargo("bench");
    command.args(["--package", programs::RUST]);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
        let arguments = std::iter::once(&"bench").chain(arguments);
        Line::try_parse_from(arguments).map(|line| line.options)
    }

    #[test]
    fn a_quick_run_is_one_short_round() {
        let effort = |arguments: &[&str]| options(arguments).unwrap().effort();
        let (rounds, sample_ms) = (1, 5);
        assert_eq!(effort(&["--quick"]), Effort { rounds, sample_ms });
        assert_eq!(effort(&["--rounds", "7"]).rounds, 7);
        assert_eq!(effort(&[]).rounds, 5);
        for refused in [
            &["--rounds", "0"][..],
            &["--quick", "--write"],
            &["--write", "echo"],
            &["--instructions", "--quick"],
            &["--micro", "--json"],
        ] {
            assert!(options(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_filter_chooses_rows_and_what_is_measured_together_is_asked_for_once() {
        let names = |arguments: &[&str]| {
            let tasks = tasks(&options(arguments).unwrap());
            tasks.iter().map(|task| task.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&["no-op"]),
            [
                "no-op",
                "no-op, time limit",
                "no-op, cancel handle",
                "no-op, Python",
                "no-op, JavaScript",
                "no-op, JavaScript awaited",
                "no-op, JavaScript web",
                "no-op, browser",
                "no-op, Elixir",
                "no-op, Elixir, plug-in process",
                "no-op, Elixir, 1,000 plug-in processes"
            ]
        );
        assert_eq!(names(&["memory"]), ["memory"]);
        assert_eq!(names(&["growth"]), ["create and free"]);
        assert_eq!(names(&["size"]), ["library size"]);
        assert!(names(&["no such row"]).is_empty());
        assert_eq!(names(&[]).len(), ROWS.len() - 2);
    }

    #[test]
    fn the_row_without_caches_is_in_the_table() {
        assert!(rows::find(WITHOUT_CACHES).is_some());
    }

    #[test]
    fn micro_benchmarks_are_those_of_the_package() {
        let project = Project::locate();
        let arguments = |filter| {
            let command = micro(&project, filter);
            let arguments = command.get_args().map(|word| word.to_string_lossy());
            arguments
                .map(|word| word.into_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(arguments(None), "bench --package extism-bench");
        assert_eq!(
            arguments(Some("copy")),
            "bench --package extism-bench -- copy"
        );
    }
}

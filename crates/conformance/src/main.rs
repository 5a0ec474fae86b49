//! The runner of the conformance suite: it starts the driver of an SDK, sends it the steps of the cases and
//! compares what comes back.
//!
//! Must not know: any SDK, and the library they stand on; only the numbers and names of its statuses.
//! Invariant: the last line is `N passed, N failed, N skipped`, and the exit code is 0 only if nothing
//! failed.
#![forbid(unsafe_code)]

mod case;
mod driver;
mod endpoint;
mod expectation;
mod feature;
mod known;
mod minimum;
mod report;
mod runner;
mod server;
mod source;
mod step;
mod tree;
mod verb;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use extism_conformance::{hex, reply, word};

use case::Setting;
use driver::Command;
use feature::Features;
use report::{Format, Report};
use runner::{Runner, Selection};

/// Judge an SDK by the conformance suite.
#[derive(Parser)]
#[command(name = "extism-conformance", version)]
struct Arguments {
    /// The words that start the driver, separated by spaces. Without it, what `sdk.toml` says.
    #[arg(long, required_unless_present = "sdk")]
    driver: Option<String>,
    /// The folder of an SDK, with its `sdk.toml`; its driver runs there.
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
    /// What the driver has, with commas. By default what `sdk.toml` says, or everything.
    #[arg(long, value_name = "LIST")]
    features: Option<String>,
    /// Only cases whose `area/id` contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Only cases of this area.
    #[arg(long)]
    area: Option<String>,
    /// Only the core subset.
    #[arg(long)]
    core: bool,
    /// Cases that are known to fail, each with a reason. By default `known-failing/<sdk>.txt` of the suite,
    /// if it is there.
    #[arg(long, value_name = "FILE")]
    known_failing: Option<PathBuf>,
    /// `off` adds `rewrite=0` to everything that is loaded.
    #[arg(long, value_enum, default_value_t = Rewrite::On)]
    rewrite: Rewrite,
    /// One line of JSON for each case.
    #[arg(long)]
    json: bool,
    /// How long the driver may take for one step, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Put VALUE in the place of `{NAME}` in the cases; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<Setting>,
    /// The folder of the suite; by default the one around the current folder.
    #[arg(long, value_name = "FOLDER")]
    suite: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Rewrite {
    On,
    Off,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) => {
            report.close();
            ExitCode::from(u8::from(!report.is_success()))
        }
        Err(error) => {
            eprintln!("extism-conformance: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report> {
    let suite = match &arguments.suite {
        Some(suite) => suite.clone(),
        None => find_suite()?,
    };
    let (command, features) = driver_of(arguments)?;
    let cases = case::load(&suite, &arguments.settings)?;
    minimum::check(&suite, &cases)?;
    let known = match known_failing(arguments, &suite) {
        Some(file) => known::read(&file)?,
        None => known::Known::default(),
    };
    let format = match arguments.json {
        true => Format::Json,
        false => Format::Text,
    };
    let selection = Selection {
        filter: arguments.filter.clone(),
        area: arguments.area.clone(),
        core: arguments.core,
    };
    let runner = Runner {
        command,
        features,
        known,
        selection,
        rewriting_off: arguments.rewrite == Rewrite::Off,
        step_time_max: Duration::from_secs(arguments.timeout),
        suite,
    };
    runner.run(&cases, Report::new(format))
}

fn setting(text: &str) -> Result<Setting> {
    let (name, value) = text.split_once('=').context("a setting is NAME=VALUE")?;
    Ok(Setting {
        placeholder: format!("{{{name}}}"),
        value: value.to_owned(),
    })
}

/// The folder `conformance` of the repository we are in.
fn find_suite() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    for folder in here.ancestors() {
        let suite = folder.join("conformance");
        if suite.join("cases").is_dir() {
            return Ok(suite);
        }
    }
    bail!("no folder conformance/cases around {}", here.display())
}

fn known_failing(arguments: &Arguments, suite: &Path) -> Option<PathBuf> {
    let of_sdk = || {
        let name = arguments.sdk.as_ref()?.file_name()?.to_str()?;
        let file = suite.join("known-failing").join(format!("{name}.txt"));
        file.is_file().then_some(file)
    };
    arguments.known_failing.clone().or_else(of_sdk)
}

fn driver_of(arguments: &Arguments) -> Result<(Command, Features)> {
    let sdk = match &arguments.sdk {
        Some(folder) => Some(feature::read_sdk(folder)?),
        None => None,
    };
    let words = match (&arguments.driver, &sdk) {
        (Some(line), _) => line.split_whitespace().map(str::to_owned).collect(),
        (None, Some(sdk)) => sdk.driver.clone(),
        (None, None) => Vec::new(),
    };
    let features = match (&arguments.features, sdk) {
        (Some(list), _) => Features::listed(list)?,
        (None, Some(sdk)) => sdk.features,
        (None, None) => Features::all(),
    };
    // A driver that is named on the command line is named from here.
    let folder = match &arguments.driver {
        Some(_) => None,
        None => arguments.sdk.clone(),
    };
    let command = Command::new(words, folder).context("the driver has no name")?;
    Ok((command, features))
}

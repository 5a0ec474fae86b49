//! `extism call`: calls a function, prints what it puts out.
//!
//! Must not know: how a plug-in is loaded. Invariant: the first call that fails is the last.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use extism_runtime::manifest::Manifest;
use extism_runtime::{CODE_FAILED, Error, Outcome, Plugin, Status};
use serde::Serialize;

use crate::failure::{self, Failure};
use crate::global::Global;
use crate::hints::{self, Attempt};
use crate::input::Input;
use crate::interrupt;
use crate::output::{self, Output};
use crate::plugin::{self, PluginArgs, WasiOutput};
use crate::value::Location;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    plugin: PluginArgs,
    /// The function to call
    #[arg(value_name = "FUNCTION")]
    function: String,
    #[command(flatten)]
    input: Input,
    /// Call the function this many times
    #[arg(long = "loop", value_name = "N", default_value_t = 1)]
    count: u64,
    /// Write the output to a file
    #[arg(long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// Print a JSON object for each call; what a plug-in with WASI prints is dropped
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    if args.input.stdin && args.plugin.source.wasm == Location::Stdin {
        let text = "standard input cannot be both the plug-in and the input";
        return Err(Failure::usage(text));
    }
    let input = args.input.read()?;
    let manifest = args.plugin.manifest()?;
    let result = call(args, global, &manifest, &input);
    let Err(stopped) = result else {
        return Ok(ExitCode::SUCCESS);
    };
    let Stopped { failure, report } = *stopped;
    match report {
        Some(report) if args.json => {
            let told = Report {
                error: Some(full_text(&failure)),
                hint: failure.hint.clone(),
                ..report
            };
            output::json(&told)?;
            Ok(failure.code())
        }
        _ => Err(failure),
    }
}

fn full_text(failure: &Failure) -> String {
    match &failure.details {
        Some(details) => format!("{}\n{details}", failure.headline),
        None => failure.headline.clone(),
    }
}

/// What ended the calls.
struct Stopped {
    failure: Failure,
    /// What became of the call, if it was one that failed.
    report: Option<Report>,
}

impl From<Failure> for Box<Stopped> {
    fn from(failure: Failure) -> Box<Stopped> {
        let report = None;
        Box::new(Stopped { failure, report })
    }
}

/// Calls the function as often as asked for.
fn call(
    args: &Args,
    global: &Global,
    manifest: &Manifest,
    input: &[u8],
) -> Result<(), Box<Stopped>> {
    let attempt = Attempt {
        args: &args.plugin,
        manifest,
        function: &args.function,
    };
    let not_made = |error: Error| {
        let report = Report::of(CODE_FAILED, error.status());
        Box::new(Stopped {
            failure: explained(error, &attempt),
            report: Some(report),
        })
    };
    let wasi_output = match args.json {
        true => WasiOutput::Dropped,
        false => WasiOutput::PassedThrough,
    };
    let options = args.plugin.options(global, wasi_output);
    let shown = args.plugin.source.wasm.shown();
    let compiled = plugin::load(manifest, &shown, options, global).map_err(not_made)?;
    let mut plugin = Plugin::new(&compiled).map_err(not_made)?;
    drop(compiled);
    interrupt::watch(plugin.cancel_handle());
    let mut output = Output::new(args.output.as_ref());
    for _ in 0..args.count {
        if interrupt::interrupted() {
            return Err(Failure::interrupted().into());
        }
        let begun = Instant::now();
        let outcome = plugin.call(&args.function, input);
        let report = Report {
            duration_us: Some(micros(begun.elapsed())),
            fuel: plugin.fuel_consumed(),
            ..Report::of(outcome.code, outcome.status())
        };
        if let Some(failure) = failure_of(outcome, &attempt) {
            let report = Some(report);
            return Err(Box::new(Stopped { failure, report }));
        }
        deliver(args, &mut output, plugin.output(), report)?;
    }
    Ok(())
}

fn deliver(args: &Args, output: &mut Output, bytes: &[u8], report: Report) -> Result<(), Failure> {
    match (args.json, &args.output) {
        (false, _) => output.write(bytes),
        (true, None) => output::json(&report.with_output(bytes)),
        (true, Some(_)) => {
            output.write(bytes)?;
            output::json(&report)
        }
    }
}

/// What a call says that failed.
pub(super) fn failure_of(outcome: Outcome, attempt: &Attempt<'_>) -> Option<Failure> {
    let (code, status) = (outcome.code, outcome.status());
    match outcome.error {
        _ if status == Status::Cancelled && interrupt::interrupted() => {
            Some(Failure::interrupted())
        }
        Some(error) => Some(explained(error, attempt)),
        None if code != 0 => Some(Failure::new(failure::non_zero(code))),
        None => None,
    }
}

/// A failure with what may help against it.
pub(super) fn explained(error: Error, attempt: &Attempt<'_>) -> Failure {
    let hint = hints::of(&error, attempt);
    let status = error.status();
    let mut failure = Failure::from(error);
    if status == Status::ImportUnknown && hint.is_some() {
        // The note is for programs that embed Extism; the hint says the same in terms of this one.
        let end = failure.headline.find("\n\nNote: ");
        failure
            .headline
            .truncate(end.unwrap_or(failure.headline.len()));
    }
    failure.with_hint(hint)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// One call, for programs.
#[derive(Serialize)]
struct Report {
    /// The output, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The output, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_base64: Option<String>,
    code: i32,
    status: &'static str,
    status_code: u32,
    /// Null if the plug-in could not be made.
    duration_us: Option<u64>,
    /// Null if fuel is not counted.
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Report {
    fn of(code: i32, status: Status) -> Report {
        Report {
            output: None,
            output_base64: None,
            code,
            status: status.name(),
            status_code: status.code(),
            duration_us: None,
            fuel: None,
            error: None,
            hint: None,
        }
    }

    fn with_output(self, bytes: &[u8]) -> Report {
        match std::str::from_utf8(bytes) {
            Ok(text) => Report {
                output: Some(text.to_owned()),
                ..self
            },
            Err(_) => Report {
                output_base64: Some(STANDARD.encode(bytes)),
                ..self
            },
        }
    }
}

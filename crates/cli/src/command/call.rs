//! `extism call`: calls a function, prints what it puts out.
//!
//! Must not know: how a plug-in is loaded. Invariant: the first call that fails is the last.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use extism_runtime::{Error, Outcome, Plugin, Status};

use crate::failure::Failure;
use crate::global::Global;
use crate::hints::{self, Attempt};
use crate::input::Input;
use crate::interrupt;
use crate::output::{self, Output};
use crate::plugin::{self, PluginArgs, WasiOutput};
use crate::report::{self, Report, Used};

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
    /// Write the output to a file, exactly the bytes; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// Print a JSON object for each call; what a plug-in with WASI prints is dropped
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    match calls(args, global) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(stopped) if args.json => report::tell(&stopped.failure, stopped.used),
        Err(stopped) => Err(stopped.failure),
    }
}

/// What ended the calls.
struct Stopped {
    failure: Failure,
    /// What the call took, if it was one that failed.
    used: Used,
}

impl From<Failure> for Box<Stopped> {
    fn from(failure: Failure) -> Box<Stopped> {
        let used = Used::default();
        Box::new(Stopped { failure, used })
    }
}

/// Calls the function as often as asked for.
fn calls(args: &Args, global: &Global) -> Result<(), Box<Stopped>> {
    if args.json && args.output.as_deref().is_some_and(output::is_standard) {
        let text = "--json has the output in it: leave out `--output -`";
        return Err(Failure::usage(text).into());
    }
    let input = args.plugin.input(&args.input)?;
    let manifest = args.plugin.manifest()?;
    let attempt = Attempt {
        args: &args.plugin,
        manifest: &manifest,
        function: &args.function,
    };
    let not_made = |error: Error| explained(error, &attempt);
    let wasi_output = match args.json {
        true => WasiOutput::Dropped,
        false => WasiOutput::PassedThrough,
    };
    let options = args.plugin.options(global, wasi_output);
    let shown = args.plugin.source.wasm.shown();
    let compiled = plugin::load(&manifest, &shown, options, global).map_err(not_made)?;
    let mut plugin = Plugin::new(&compiled).map_err(not_made)?;
    drop(compiled);
    interrupt::watch(plugin.cancel_handle());
    let mut output = Output::new(args.output.as_ref());
    for _ in 0..args.count {
        if interrupt::interrupted() {
            return Err(Failure::interrupted().into());
        }
        let begun = Instant::now();
        let outcome = plugin.call(&args.function, &input);
        let used = Used {
            duration_us: Some(micros(begun.elapsed())),
            fuel: plugin.fuel_consumed(),
        };
        if let Some(failure) = failure_of(outcome, &attempt) {
            return Err(Box::new(Stopped { failure, used }));
        }
        deliver(args, &mut output, plugin.output(), used)?;
    }
    Ok(())
}

fn deliver(args: &Args, output: &mut Output, bytes: &[u8], used: Used) -> Result<(), Failure> {
    match (args.json, &args.output) {
        (false, _) => output.write(bytes),
        (true, None) => output::json(&Report::success(used).with_output(bytes)),
        (true, Some(_)) => {
            output.write(bytes)?;
            output::json(&Report::success(used))
        }
    }
}

/// What a call says that failed.
pub(super) fn failure_of(outcome: Outcome, attempt: &Attempt<'_>) -> Option<Failure> {
    let (code, status) = (outcome.code, outcome.status());
    match outcome.error {
        _ if status == Status::Cancelled && interrupt::interrupted() => {
            Some(Failure::interrupted().with_code(code))
        }
        Some(error) => Some(explained(error, attempt).with_code(code)),
        None if code != 0 => Some(Failure::non_zero(status, code)),
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
        failure.cut("\n\nNote: ");
    }
    failure.with_hint(hint)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

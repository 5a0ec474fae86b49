//! `extism inspect`: what a plug-in exports and what it needs of its host.
//!
//! Must not know: Wasm. Invariant: nothing of the plug-in runs.

use std::process::ExitCode;

use extism_runtime::Options;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::plugin::{EngineArgs, SourceArgs};
use crate::progress::Progress;
use crate::report::{self, Used};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    match show(args, global) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) if args.json => report::tell(&failure, Used::default()),
        Err(failure) => Err(failure),
    }
}

fn show(args: &Args, global: &Global) -> Result<(), Failure> {
    let options: Options = args.engine.options();
    let manifest = args.source.manifest(&args.engine)?;
    let progress = Progress::start(global, &args.source.wasm.shown());
    let inspection = extism_runtime::inspect(&manifest, &options);
    drop(progress);
    let inspection = inspection?;
    match args.json {
        true => output::line(output::harmless_json(&inspection.to_json())),
        false => output::line(inspection.to_string().trim_end()),
    }
}

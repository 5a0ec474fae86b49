//! `extism compile`: compiles a plug-in ahead of time.
//!
//! Must not know: what an artefact looks like. Invariant: a file appears whole or not at all.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use extism_runtime::Options;
use extism_runtime::manifest::Wasm;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::place;
use crate::plugin::{EngineArgs, SourceArgs};
use crate::progress::Progress;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Compile for calls with a fuel limit
    #[arg(long)]
    fuel: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    let options = Options {
        // Code that counts fuel is other code; how much there is does not matter.
        fuel: args.fuel.then_some(u64::MAX),
        ..args.engine.options()
    };
    let manifest = args.source.manifest(&args.engine)?;
    let begun = Instant::now();
    let progress = Progress::start(global, &args.source.wasm.shown());
    let compiled = extism_runtime::precompile(&manifest, &options);
    drop(progress);
    let artefact = compiled?;
    let elapsed = begun.elapsed();
    if output::is_standard(&args.output) {
        output::print(&[&artefact])?;
        return Ok(ExitCode::SUCCESS);
    }
    place::write(&args.output, &artefact)
        .map_err(|error| output::not_written(&args.output, &error))?;
    if !global.quiet {
        let size = output::bytes(artefact.len() as u64);
        let from = match source_bytes(manifest.wasm.first()) {
            Some(source) => format!(" from {}", output::bytes(source)),
            None => String::new(),
        };
        let path = args.output.display();
        let took_ms = elapsed.as_millis();
        output::line(format!("{path}: {size}{from}, compiled in {took_ms} ms"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The size of the module, where that can be known without loading it once more.
fn source_bytes(wasm: Option<&Wasm>) -> Option<u64> {
    match wasm? {
        Wasm::File { path, .. } => std::fs::metadata(path).ok().map(|file| file.len()),
        Wasm::Data { data, .. } => Some(data.len() as u64),
        Wasm::Url { .. } => None,
    }
}

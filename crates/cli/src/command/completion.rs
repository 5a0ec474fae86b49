//! `extism completion`: completions for a shell, on standard output.
//!
//! Must not know: any shell. Invariant: they are made from the arguments the program accepts.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::output;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "extism", &mut script);
    output::print(&[&script])?;
    Ok(ExitCode::SUCCESS)
}

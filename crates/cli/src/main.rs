//! The command line of Extism: call plug-ins, look into them, compile, measure and begin them.
//!
//! Must not know: how a plug-in is run; that is the runtime's. Invariant: what a plug-in puts out goes to
//! standard output byte for byte; everything this program itself has to say goes to standard error.
//! `docs/cli.md` is the manual.
#![deny(unsafe_code)]

mod args;
mod command;
mod failure;
mod global;
mod hints;
mod histogram;
mod input;
mod interrupt;
mod library;
mod log;
mod output;
mod place;
mod plugin;
mod progress;
mod report;
mod value;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.global.apply();
    interrupt::install();
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => failure.report(&cli.global),
    }
}

fn run(cli: &Cli) -> Result<ExitCode, failure::Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Call(args) => command::call::run(args, global),
        Command::Inspect(args) => command::inspect::run(args, global),
        Command::Compile(args) => command::compile::run(args, global),
        Command::Bench(args) => command::bench::run(args, global),
        Command::New(args) => command::new::run(args, global),
        Command::Generate(args) => command::generate::run(args, global),
        Command::Lib(args) => command::lib::run(args, global),
        Command::Completion(args) => command::completion::run(args),
        Command::Man(args) => command::man::run(args),
        Command::Schema => command::schema::run(),
    }
}

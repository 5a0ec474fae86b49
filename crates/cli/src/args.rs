//! The arguments of the program, as a tree of commands.
//!
//! Must not know: what a command does. Invariant: every flag of the published program that means
//! something here is accepted under its name.

use clap::{Parser, Subcommand};

use crate::command::{bench, call, compile, completion, generate, inspect, lib, man, new};
use crate::global::Global;

/// What stands at the end of `extism --help`.
const EXAMPLES: &str = "\
Examples:
  extism call count_vowels.wasm count_vowels --input \"this is a test\"
  extism inspect count_vowels.wasm
  extism new hello";

/// Call, inspect, compile and measure plug-ins compiled to WebAssembly
#[derive(Debug, Parser)]
#[command(name = "extism", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call a function of a plug-in and print its output
    Call(Box<call::Args>),
    /// Show what a plug-in exports and what it needs of its host
    Inspect(inspect::Args),
    /// Compile a plug-in ahead of time
    Compile(compile::Args),
    /// Measure how fast a function of a plug-in is
    Bench(Box<bench::Args>),
    /// Begin a plug-in
    New(new::Args),
    /// Begin a plug-in, as the published program spells it
    #[command(visible_alias = "gen")]
    Generate(generate::Args),
    /// Find, check, install or remove the C library
    Lib(lib::Args),
    /// Print the completions for a shell
    Completion(completion::Args),
    /// Print the manual page
    Man(man::Args),
    /// Print the JSON schema of the manifest
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_commands_is_sound() {
        super::Cli::command().debug_assert();
    }
}

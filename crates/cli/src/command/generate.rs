//! `extism generate plugin`: `extism new` as the published program spells it.
//!
//! Must not know: templates. Invariant: what it makes is what `extism new` makes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::new;
use crate::failure::Failure;
use crate::global::Global;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Begin a plug-in in a folder of its name
    Plugin {
        /// The language
        #[arg(
            short,
            long,
            value_name = "LANGUAGE",
            default_value = "rust",
            ignore_case = true
        )]
        lang: new::Language,
        /// The folder, whose last part is the name of the plug-in
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    let What::Plugin { lang, output } = &args.what;
    let name = output.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| Failure::usage(format!("{} does not end with a name", output.display())))?;
    let args = new::Args {
        name: new::name(name).map_err(Failure::usage)?,
        lang: *lang,
        dir: Some(output.clone()),
        pdk: None,
    };
    new::run(&args, global)
}

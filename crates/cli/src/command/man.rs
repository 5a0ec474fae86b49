//! `extism man`: the manual page, on standard output, or a page for each command in a folder.
//!
//! Must not know: what the commands are. Invariant: every command and every flag is on the page.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::Failure;
use crate::output;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    // The help of `help` would be half of the page.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &args.out {
        Some(folder) => {
            let doing = format!("cannot write to {}", folder.display());
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .map_err(|error| Failure::io(doing, &error))?;
        }
        None => {
            let page =
                page(&command).map_err(|error| Failure::io("cannot make the page", &error))?;
            output::print(&[&page])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One page: the program, then the options of each command.
fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    add_options(command, "extism", &mut page)?;
    Ok(page)
}

fn add_options(command: &Command, path: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for command in command.get_subcommands() {
        let path = format!("{path} {}", command.get_name());
        let mut section = Vec::new();
        let man = Man::new(command.clone());
        man.render_synopsis_section(&mut section)?;
        man.render_options_section(&mut section)?;
        let text = String::from_utf8_lossy(&section);
        // The sections of a command become parts of a section that is named after it.
        let parts = text.replace(".SH ", ".SS ");
        page.extend(format!(".SH \"{}\"\n{parts}", path.to_uppercase()).bytes());
        add_options(command, &path, page)?;
    }
    Ok(())
}

//! `extism lib`: the C library on this machine.
//!
//! Must not know: how a library is found or asked. Invariant: `check` succeeds only if everything it
//! looked at agrees.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::AnsiColor;
use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;
use crate::library::search::{self, Place};
use crate::library::{check, files, loaded::Loaded};
use crate::output;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print where the library is
    Path(Place),
    /// Print every library that is found, with its version
    Versions(Place),
    /// Check that library, header and pkg-config file agree
    Check(Place),
    /// Install the library that came with this program
    Install(Target),
    /// Remove the library, its header and its package files
    Uninstall(Target),
}

#[derive(clap::Args, Debug)]
struct Target {
    /// The folder to install into or remove from
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Path(place) => {
            let path = found(place)?.swap_remove(0);
            output::line(path.display().to_string())?;
        }
        Command::Versions(place) => versions(place)?,
        Command::Check(place) => return check(place),
        Command::Install(target) => install(&target.prefix, global)?,
        Command::Uninstall(target) => uninstall(&target.prefix, global)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// At least one library.
fn found(place: &Place) -> Result<Vec<PathBuf>, Failure> {
    let libraries = search::search(place);
    if !libraries.is_empty() {
        return Ok(libraries);
    }
    let folders = search::folders(place);
    let folders: Vec<String> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let hint = "in the sources of Extism, `cargo xtask install --prefix DIR` installs it; \
                --prefix or EXTISM_PATH say where it is"
        .to_owned();
    let text = format!("no libextism in {}", folders.join(", "));
    Err(Failure::new(text).with_hint(hint))
}

fn versions(place: &Place) -> Result<(), Failure> {
    for path in found(place)? {
        let version = Loaded::open(&path).and_then(|library| library.version());
        let version = version.unwrap_or_else(|error| format!("unknown: {error}"));
        output::line(format!("{}  {version}", path.display()))?;
    }
    Ok(())
}

fn check(place: &Place) -> Result<ExitCode, Failure> {
    let library = found(place)?.swap_remove(0);
    let findings = check::check(&library);
    let (good, bad) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
    for finding in &findings {
        let (style, word, text) = match &finding.result {
            Ok(text) => (good, "ok   ", text),
            Err(text) => (bad, "wrong", text),
        };
        let line = format!(
            "{style}{word}{style:#} {:<7} {}: {}",
            finding.part,
            finding.path.display(),
            output::printable(text)
        );
        // The stream takes colours out where they are not wanted.
        let mut styled = anstream::AutoStream::auto(std::io::stdout());
        std::io::Write::write_all(&mut styled, format!("{line}\n").as_bytes())
            .map_err(|error| Failure::io("cannot write to standard output", &error))?;
    }
    let agree = findings.iter().all(|finding| finding.result.is_ok());
    Ok(match agree {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The program of an installation or a release is in `bin`, the library beside that in `lib`.
fn install(prefix: &Path, global: &Global) -> Result<(), Failure> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize);
    let program = program.map_err(|error| Failure::io("cannot find this program", &error))?;
    let from = program.ancestors().nth(2).unwrap_or(Path::new("/"));
    let list = files::list(from);
    if !files::has_library(&list) {
        let hint = format!(
            "in the sources of Extism, `cargo xtask install --prefix {}` builds and installs it",
            prefix.display()
        );
        return Err(Failure::new("no library came with this program").with_hint(hint));
    }
    let same = std::fs::canonicalize(prefix).is_ok_and(|prefix| prefix == from);
    if same {
        let text = format!("the library is installed in {} already", prefix.display());
        return Err(Failure::new(text));
    }
    for file in &list {
        let to = prefix.join(file);
        files::copy(from, prefix, file)
            .map_err(|error| Failure::io(format_args!("cannot write {}", to.display()), &error))?;
        told(global, &to)?;
    }
    Ok(())
}

fn uninstall(prefix: &Path, global: &Global) -> Result<(), Failure> {
    let list = files::list(prefix);
    if list.is_empty() {
        return Err(Failure::new(format!(
            "no library is installed in {}",
            prefix.display()
        )));
    }
    for file in &list {
        let path = prefix.join(file);
        files::remove(prefix, file).map_err(|error| {
            Failure::io(format_args!("cannot remove {}", path.display()), &error)
        })?;
        told(global, &path)?;
    }
    Ok(())
}

/// A file was installed or removed.
fn told(global: &Global, path: &Path) -> Result<(), Failure> {
    match global.quiet {
        true => Ok(()),
        false => output::line(path.display().to_string()),
    }
}

//! What a function is called with: a text, a file, or standard input.
//!
//! Must not know: plug-ins. Invariant: the bytes reach the plug-in as they are, and of what is too large
//! no more is read than shows that it is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::value::Location;

#[derive(clap::Args, Debug)]
#[group(multiple = false)]
pub(crate) struct Input {
    /// The input
    #[arg(
        short = 'i',
        long = "input",
        value_name = "STRING",
        allow_hyphen_values = true
    )]
    text: Option<OsString>,
    /// Read the input from standard input
    #[arg(long)]
    stdin: bool,
    /// Read the input from a file
    #[arg(long = "input-file", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Input {
    /// The bytes for a plug-in that is at `plugin`, none if nothing was given; of a stream or a file as
    /// many as [`read_stdin`] and [`read_file`] read.
    pub(crate) fn read(&self, plugin: &Location, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        if self.stdin && *plugin == Location::Stdin {
            let text = "standard input cannot be both the plug-in and the input";
            return Err(Failure::usage(text));
        }
        if self.stdin {
            return read_stdin(bytes_max);
        }
        if let Some(path) = &self.file {
            return read_file(path, bytes_max);
        }
        let text = self.text.clone().unwrap_or_default();
        Ok(text.into_encoded_bytes())
    }
}

/// What is on standard input: all of it, or one byte more than `bytes_max` if there is more. Whoever
/// applies the limit finds it exceeded.
pub(crate) fn read_stdin(bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let read = read(io::stdin().lock(), bytes_max);
    read.map_err(|error| Failure::io("cannot read standard input", &error))
}

/// What is in a file, in the same way.
pub(crate) fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let read = File::open(path).and_then(|file| read(file, bytes_max));
    read.map_err(|error| Failure::io(format_args!("cannot read {}", path.display()), &error))
}

fn read(source: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut source = source.take(bytes_max.saturating_add(1));
    source.read_to_end(&mut bytes)?;
    Ok(bytes)
}

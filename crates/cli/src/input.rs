//! What a function is called with: a text, a file, or standard input.
//!
//! Must not know: plug-ins. Invariant: the bytes reach the plug-in as they are.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::PathBuf;

use crate::failure::Failure;

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
    pub(crate) stdin: bool,
    /// Read the input from a file
    #[arg(long = "input-file", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Input {
    /// The bytes; none if nothing was given.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Failure> {
        if self.stdin {
            return read_stdin();
        }
        if let Some(path) = &self.file {
            let doing = format_args!("cannot read {}", path.display()).to_string();
            return std::fs::read(path).map_err(|error| Failure::io(doing, &error));
        }
        let text = self.text.clone().unwrap_or_default();
        Ok(text.into_encoded_bytes())
    }
}

/// Everything on standard input.
pub(crate) fn read_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("cannot read standard input", &error))?;
    Ok(bytes)
}

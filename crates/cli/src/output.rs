//! Where output goes: standard output or a file, byte for byte.
//!
//! Must not know: plug-ins. Invariant: no byte is added to an output but a line feed after each on
//! standard output, and between those in one file; a file is not touched before there is something to
//! write.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;

/// Receives the outputs of calls.
pub(crate) enum Output {
    Standard,
    /// A file that is created by the first output.
    File {
        path: PathBuf,
        file: Option<File>,
    },
}

impl Output {
    pub(crate) fn new(path: Option<&PathBuf>) -> Output {
        match path {
            None => Output::Standard,
            Some(path) => Output::File {
                path: path.clone(),
                file: None,
            },
        }
    }

    /// Delivers one output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Output::Standard => print(&[bytes, b"\n"]),
            Output::File { path, file } => {
                let failed = |error: io::Error| {
                    Failure::io(format_args!("cannot write {}", path.display()), &error)
                };
                match file {
                    Some(file) => {
                        file.write_all(b"\n").map_err(failed)?;
                        file.write_all(bytes).map_err(failed)
                    }
                    None => {
                        let created = file.insert(File::create(&*path).map_err(failed)?);
                        created.write_all(bytes).map_err(failed)
                    }
                }
            }
        }
    }
}

/// Prints bytes on standard output.
pub(crate) fn print(parts: &[&[u8]]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = parts
        .iter()
        .try_for_each(|part| stdout.write_all(part))
        .and_then(|()| stdout.flush());
    written.map_err(|error| Failure::io("cannot write to standard output", &error))
}

/// Prints a text and a line feed on standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    print(&[text.as_ref().as_bytes(), b"\n"])
}

/// Prints a value as a line of JSON on standard output.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(error.to_string()))?;
    line(text)
}

/// Text without anything that could steer a terminal: control characters but line feed and tab are escaped.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if harmless(c) {
            safe.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(safe, "{}", c.escape_default());
        }
    }
    Cow::Owned(safe)
}

/// A number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (count, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\x1b[2Jb\n\tc"), "a\\u{1b}[2Jb\n\tc");
    }
}

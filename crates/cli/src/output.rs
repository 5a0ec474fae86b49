//! Where output goes: standard output or a file, byte for byte.
//!
//! Must not know: plug-ins. Invariant: no byte is added to an output but a line feed after each on
//! standard output, and between those in one file; a file is not touched before there is something to
//! write. A text of others looks like no line of this program.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use extism_runtime::Status;
use serde::Serialize;

use crate::failure::Failure;

/// Receives the outputs of calls.
pub(crate) enum Output {
    /// Standard output, each output a line.
    Lines,
    /// One file, exactly the bytes.
    File {
        path: PathBuf,
        /// Made by the first output.
        opened: Option<Box<dyn Write>>,
    },
}

/// Whether a path stands for standard output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Output {
    pub(crate) fn new(path: Option<&PathBuf>) -> Output {
        match path {
            None => Output::Lines,
            Some(path) => Output::File {
                path: path.clone(),
                opened: None,
            },
        }
    }

    /// Delivers one output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Output::Lines => print(&[bytes, b"\n"]),
            Output::File { path, opened } => {
                append(path, opened, bytes).map_err(|error| not_written(path, &error))
            }
        }
    }
}

fn append(path: &Path, opened: &mut Option<Box<dyn Write>>, bytes: &[u8]) -> io::Result<()> {
    let file = match opened {
        Some(file) => {
            file.write_all(b"\n")?;
            file
        }
        None if is_standard(path) => opened.insert(Box::new(io::stdout())),
        None => opened.insert(Box::new(File::create(path)?)),
    };
    file.write_all(bytes)?;
    file.flush()
}

/// A file could not be written.
pub(crate) fn not_written(path: &Path, error: &io::Error) -> Failure {
    match is_standard(path) {
        true => Failure::io("cannot write to standard output", error),
        false => Failure::io(format_args!("cannot write {}", path.display()), error),
    }
}

/// Prints bytes on standard output.
pub(crate) fn print(parts: &[&[u8]]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = parts
        .iter()
        .try_for_each(|part| stdout.write_all(part))
        .and_then(|()| stdout.flush());
    written.map_err(|error| not_written(Path::new("-"), &error))
}

/// Prints a text and a line feed on standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    print(&[text.as_ref().as_bytes(), b"\n"])
}

/// Prints a value as a line of JSON on standard output.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(error.to_string()).with_status(Status::Internal))?;
    line(harmless_json(&text))
}

/// The same JSON without anything that could steer a terminal: there, such characters are in strings only.
pub(crate) fn harmless_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_harmless(c) {
            safe.push(c);
        } else {
            // Writing to a string cannot fail. None of them has more than four digits.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        }
    }
    safe
}

/// What the lines of a text but the first begin with. It is more than any line of this program does.
const INDENTATION: &str = "    ";

/// Text of others, without anything that could steer a terminal or look like a line of this program:
/// what is no visible character is escaped, but line feed and tab, and every line but the first is indented.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c != '\n' && is_harmless(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            safe.push('\n');
            if !line.is_empty() && !line.starts_with(INDENTATION) {
                safe.push_str(INDENTATION);
            }
        }
        for c in line.chars() {
            if is_harmless(c) {
                safe.push(c);
            } else {
                // Writing to a string cannot fail.
                let _ = write!(safe, "{}", c.escape_default());
            }
        }
    }
    Cow::Owned(safe)
}

/// Whether a character of a line can be printed as it is: it controls nothing, ends no line, and does not
/// turn the direction of others.
fn is_harmless(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c == '\t' || !(turns || c.is_control())
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
    fn json_stays_what_it_is() {
        let value = "a\u{9b}2J\u{7f}\u{202e}\n\t\u{1b}\u{e9}\u{1f469}";
        let text = harmless_json(&serde_json::to_string_pretty(&[value]).unwrap());
        assert!(text.chars().all(|c| c == '\n' || is_harmless(c)), "{text}");
        assert_eq!(text.lines().count(), 3);
        assert_eq!(
            serde_json::from_str::<[String; 1]>(&text).unwrap()[0],
            value
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        for (text, safe) in [
            ("a\x1b[2Jb\tc", "a\\u{1b}[2Jb\tc"),
            ("a\u{85}b\u{202e}c", "a\\u{85}b\\u{202e}c"),
            ("a\nb\n\n    c\n", "a\n    b\n\n    c\n"),
        ] {
            assert_eq!(printable(text), safe, "{text:?}");
        }
    }
}

//! The text that says where a call has ended, in which functions have the names the plug-in gives them.
//!
//! Must not know: why the call has ended. Invariant: whatever the names are, the text is not much longer than
//! they are, and no line of it is long: a name that is written short can stand for gigabytes.

use std::fmt::Write as _;

use wasmtime::WasmBacktrace;

use crate::Status;
use crate::error::Error;
use crate::log::cut;

/// How much of a line is shown.
const LINE_BYTES_MAX: u64 = 1024;

/// As [`Error::from_chain`], for an error that may begin with a backtrace.
#[cold]
pub(crate) fn from_chain(status: Status, chain: wasmtime::Error) -> Error {
    match chain.is::<WasmBacktrace>() {
        true => Error::from_chain_as(status, readable(&chain.to_string()), chain),
        false => Error::from_chain(status, chain),
    }
}

/// The text with the names that compilers of Rust have put in code; others stay as they are.
fn readable(text: &str) -> String {
    let mut shown = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            shown.push('\n');
        }
        let whole = line.len() as u64 <= LINE_BYTES_MAX;
        let named = line
            .split_once('!')
            .filter(|_| whole)
            .and_then(|(place, name)| {
                let name = rustc_demangle::try_demangle(name).ok()?;
                Some(format!("{place}!{name}"))
            });
        let line = named.as_deref().unwrap_or(line);
        let kept = cut(line, LINE_BYTES_MAX);
        shown.push_str(kept);
        let bytes = line.len() - kept.len();
        if bytes > 0 {
            // Writing to a string cannot fail.
            _ = write!(shown, " [{bytes} bytes cut]");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_are_readable_and_others_as_they_are() {
        let text = "at:\n  0: 0x1 - a!_ZN4core3fmt5write17h0123456789abcdefE\n  1: 0x2 - a!_Z1fi";
        let shown = "at:\n  0: 0x1 - a!core::fmt::write::h0123456789abcdef\n  1: 0x2 - a!_Z1fi";
        assert_eq!(readable(text), shown);
    }

    #[test]
    fn no_line_is_long() {
        // A pair of a pair, and so on: each stands for twice as much.
        let mut name = String::from("_RINvC1a1f");
        let mut before = String::from("Th");
        for _ in 0..12 {
            let at = name.len() - 2;
            name += &format!("T{before}{before}E");
            before = format!("B{}_", digits(at));
        }
        name.push('E');
        for name in [name, "x".repeat(5000), "ß".repeat(5000)] {
            let shown = readable(&format!("0: a!{name}\nlast"));
            assert!(shown.len() < 1100, "{} bytes", shown.len());
            assert!(shown.ends_with("\nlast"));
        }
    }

    /// A number as such names write it.
    fn digits(number: usize) -> String {
        let digit = char::from_digit(number as u32 % 36, 36).unwrap();
        match number / 36 {
            0 => digit.into(),
            more => digits(more) + &String::from(digit),
        }
    }
}

//! What the figures were measured on: the machine, the compilers, the libraries.
//!
//! Must not know: the figures. Invariant: what cannot be found out is left out, and never guessed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Result;

use super::measurement::Side;
use super::programs::{Linked, Programs};
use crate::install::sample;
use crate::process;

/// Pairs of what and which, in the order they are shown.
pub(crate) type Facts = Vec<(&'static str, String)>;

/// Everything that is known.
pub(crate) fn facts(programs: &Programs) -> Result<Facts> {
    let mut facts = Facts::new();
    let mut know = |what, which: Option<String>| facts.extend(which.map(|which| (what, which)));
    let processors = fs::read_to_string("/proc/cpuinfo").ok();
    know("processor", processors.as_deref().and_then(processor));
    let cores = thread::available_parallelism().ok();
    know("cores", cores.map(|cores| cores.to_string()));
    know("system", first_line("uname", &["-s", "-r", "-m"]));
    know("Rust compiler", first_line("rustc", &["--version"]));
    know(
        "C compiler",
        first_line(&sample::compiler(), &["--version"]),
    );
    for linked in programs.libraries() {
        let what = match linked.side {
            Side::Published => "published library",
            Side::Ours => "this library",
        };
        know(what, Some(library(programs, linked)?));
    }
    know(
        "load meanwhile",
        load().map(|load| format!("{load:.1}, the benchmark's own of about 1 included")),
    );
    know("date", first_line("date", &["-u", "+%Y-%m-%d"]));
    Ok(facts)
}

/// How many threads of the whole machine wanted to run, on average over the last minute.
pub(crate) fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn library(programs: &Programs, linked: &Linked) -> Result<String> {
    let version = programs.version(linked)?;
    let engine = engine(&linked.library)?;
    Ok(engine.map_or(version.clone(), |engine| format!("{version}, {engine}")))
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let printed = process::stdout_of(command).ok()?;
    Some(printed.lines().next()?.trim().to_string())
}

/// The name of the first processor, as Linux gives it.
fn processor(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

/// The engine in a library: paths of its sources are in the messages of its checks.
fn engine(library: &Path) -> Result<Option<String>> {
    Ok(engine_in(&fs::read(library)?).map(|version| format!("wasmtime {version}")))
}

fn engine_in(bytes: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"/wasmtime-";
    let mut windows = bytes.windows(NAME.len()).enumerate();
    windows.find_map(|(at, window)| {
        if window != NAME {
            return None;
        }
        let rest = &bytes[at + NAME.len()..];
        let length = rest
            .iter()
            .position(|byte| !(byte.is_ascii_digit() || *byte == b'.'))?;
        // Other crates begin with the same name, and go on with a word.
        (rest[length] == b'/' && length > 0)
            .then(|| String::from_utf8_lossy(&rest[..length]).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_the_first_one() {
        let text = "processor\t: 0\nmodel name\t: A fast one\n\nmodel name\t: another\n";
        assert_eq!(processor(text).as_deref(), Some("A fast one"));
        assert_eq!(processor("Hardware : x\n"), None);
    }

    #[test]
    fn the_engine_is_found_in_the_bytes() {
        let bytes = b"\0/crates/wasmtime-wasi-48.0.8/src/\0/crates/wasmtime-48.0.8/src/x.rs\0";
        assert_eq!(engine_in(bytes).as_deref(), Some("48.0.8"));
        assert_eq!(engine_in(b"nothing of the kind"), None);
        assert_eq!(engine_in(b"/wasmtime-48"), None);
    }
}

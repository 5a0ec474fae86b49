//! What is logged, on standard error: messages of the plug-in, and with `--verbose` what the program and
//! the runtime do.
//!
//! Must not know: commands. Invariant: a plug-in's message is printed once, on a line that begins with
//! its level, and no further line of it, or of what the runtime says, looks like one of this program.

use std::io::{self, Write};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use extism_runtime::{Level, LogSink, Record};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::printable;

/// The lowest level of a plug-in's messages that is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    fn level(self) -> Option<Level> {
        Some(match self {
            LogLevel::Off => return None,
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
            LogLevel::Trace => Level::Trace,
        })
    }
}

/// Prints a plug-in's messages from `level` upwards.
pub(crate) fn sink(level: LogLevel) -> Option<LogSink> {
    Some(LogSink {
        level: level.level()?,
        receive: Arc::new(print),
    })
}

fn print(record: &Record<'_>) {
    let style = match record.level {
        Level::Error => AnsiColor::Red.on_default(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Info => AnsiColor::Green.on_default(),
        Level::Debug | Level::Trace => Style::new().dimmed(),
    };
    let (level, message) = (record.level.name(), printable(record.message));
    anstream::eprintln!("{style}{level}{style:#}: {message}");
}

/// Prints what the program and the runtime do: `verbose` times more than nothing.
pub(crate) fn install(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Messages of plug-ins have a sink of their own.
    let targets = Targets::new()
        .with_target("extism", level)
        .with_target("extism::plugin", LevelFilter::OFF);
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(|| Printable(io::stderr()));
    // Only fails if there is a subscriber already, and this is the one place that installs one.
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(layer)
        .try_init();
}

/// Takes the lines of one event at a time, and makes them harmless: there may be texts of others in them.
struct Printable<W>(W);

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let safe = format!("{}\n", printable(text));
        self.0.write_all(safe.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runtime_says_is_harmless() {
        let mut printed = Vec::new();
        let event = "DEBUG extism: refused: a\nextism: b\u{1b}[2J\u{9b}c\u{202e}d\n\nhint: e\n";
        Printable(&mut printed).write_all(event.as_bytes()).unwrap();
        let expected =
            "DEBUG extism: refused: a\n    extism: b\\u{1b}[2J\\u{9b}c\\u{202e}d\n\n    hint: e\n";
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
    }
}

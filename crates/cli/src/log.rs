//! What is logged, on standard error: messages of the plug-in, and with `--verbose` what the program and
//! the runtime do.
//!
//! Must not know: commands. Invariant: a plug-in's message is printed once, on a line that begins with
//! its level, and no further line of it looks like one of this program.

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
        .with_writer(std::io::stderr);
    // Only fails if there is a subscriber already, and this is the one place that installs one.
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(layer)
        .try_init();
}

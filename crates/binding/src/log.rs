//! The log of the process, for hosts that do not set up `tracing` themselves.
//!
//! Must not know: plug-ins, whose messages are lines like all others. Invariant: a process has one log; a
//! second one is refused.

use std::fs::{File, OpenOptions};
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

/// The filter a text stands for: a level is meant for Extism, anything else is a list of directives.
pub fn filter(text: &str) -> EnvFilter {
    let directives = match Level::from_str(text) {
        Ok(_) => format!("extism={text}"),
        Err(_) => text.to_owned(),
    };
    EnvFilter::builder()
        .with_default_directive(Level::ERROR.into())
        .parse_lossy(directives)
}

/// Sends the log to a file, or to `stderr` (also `-`) or `stdout`; false if that is not possible, or
/// the process has a log.
pub fn set_file(path: &str, filter: EnvFilter) -> bool {
    match path {
        "-" | "stderr" => install(filter, io::stderr),
        "stdout" => install(filter, io::stdout),
        path => open(path).is_ok_and(|file| install(filter, file)),
    }
}

/// Sends the log, a line at a time, where `writer` says; false if the process has one.
pub fn install<W>(filter: EnvFilter, writer: W) -> bool
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = SubscriberBuilder::default()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    tracing::subscriber::set_global_default(subscriber).is_ok()
}

fn open(path: &str) -> io::Result<Arc<File>> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_meant_for_extism_alone() {
        assert_eq!(filter("info").to_string(), "extism=info");
        assert_eq!(
            filter("cranelift=debug,warn").to_string(),
            "cranelift=debug,warn"
        );
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_no_log() {
        assert!(!set_file("/nowhere/at/all", filter("info")));
    }
}

//! Log messages of plug-ins: with the plug-in's identity, bounded, to the process-wide log and to a
//! sink of its own.
//!
//! Invariant: nothing a plug-in logs can grow without bound or forge a line: control characters are
//! escaped, long messages cut, and what exceeds a call's share is counted and reported, not kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use extism_semantics::{LEVEL_OFF, Share, one_line};
use tracing::level_filters::LevelFilter;
use uuid::Uuid;

use crate::Limits;

pub use extism_semantics::Level;
pub(crate) use extism_semantics::cut;

/// One message on its way to a sink.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The plug-in that logs.
    pub plugin: Uuid,
    /// How important it says the message is.
    pub level: Level,
    /// The text, with control characters escaped (but line feed and tab).
    pub message: &'a str,
}

/// Receives the messages of one plug-in from `level` upwards, on the thread that calls the plug-in.
#[derive(Clone)]
pub struct LogSink {
    /// The lowest level that is delivered.
    pub level: Level,
    /// Called for each message. A panic in it is swallowed.
    pub receive: Arc<dyn Fn(&Record<'_>) + Send + Sync>,
}

/// The logging side of one plug-in.
pub(crate) struct Logger {
    sink: Option<LogSink>,
    share: Share,
}

impl Logger {
    pub(crate) fn new(limits: &Limits, sink: Option<LogSink>) -> Logger {
        Logger {
            sink,
            share: Share::new(limits),
        }
    }

    pub(crate) fn set_sink(&mut self, sink: Option<LogSink>) {
        self.sink = sink;
    }

    /// The lowest level anybody listens to, in the numbers plug-ins know.
    pub(crate) fn level(&self) -> i32 {
        let global = LevelFilter::current().into_level().map(from_tracing);
        let sink = self.sink.as_ref().map(|sink| sink.level);
        match (global, sink) {
            (Some(global), Some(sink)) => global.min(sink) as i32,
            (Some(level), None) | (None, Some(level)) => level as i32,
            (None, None) => LEVEL_OFF,
        }
    }

    /// Delivers one message.
    pub(crate) fn log(&mut self, plugin: Uuid, level: Level, message: &[u8]) {
        if let Some((level, text)) = self.share.admit(level, message) {
            self.emit(plugin, level, &text);
        }
    }

    /// A call begins: its share is whole again; what the last one lost is reported.
    #[inline]
    pub(crate) fn begin(&mut self, plugin: Uuid) {
        if self.share.is_used() {
            self.renew(plugin);
        }
    }

    #[cold]
    pub(crate) fn renew(&mut self, plugin: Uuid) {
        if let Some(warning) = self.share.renew() {
            self.emit(plugin, Level::Warn, &warning);
        }
    }

    fn emit(&self, plugin: Uuid, level: Level, text: &str) {
        to_global(plugin, level, text);
        if let Some(sink) = &self.sink
            && level >= sink.level
        {
            let record = Record {
                plugin,
                level,
                message: text,
            };
            // A sink's panic is its own; the plug-in's call goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| (sink.receive)(&record)));
        }
    }
}

fn to_global(plugin: Uuid, level: Level, text: &str) {
    let text = one_line(text);
    let plugin = plugin.as_hyphenated();
    match level {
        Level::Trace => tracing::trace!(target: "extism::plugin", %plugin, "{text}"),
        Level::Debug => tracing::debug!(target: "extism::plugin", %plugin, "{text}"),
        Level::Info => tracing::info!(target: "extism::plugin", %plugin, "{text}"),
        Level::Warn => tracing::warn!(target: "extism::plugin", %plugin, "{text}"),
        Level::Error => tracing::error!(target: "extism::plugin", %plugin, "{text}"),
    }
}

fn from_tracing(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn collect(limits: &Limits, messages: &[&[u8]]) -> Vec<(Level, String)> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = LogSink {
            level: Level::Info,
            receive: {
                let seen = Arc::clone(&seen);
                Arc::new(move |record| {
                    seen.lock()
                        .unwrap()
                        .push((record.level, record.message.to_owned()));
                })
            },
        };
        let mut logger = Logger::new(limits, Some(sink));
        for message in messages {
            logger.log(Uuid::nil(), Level::Info, message);
        }
        logger.begin(Uuid::nil());
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn control_characters_are_escaped() {
        let seen = collect(&Limits::default(), &[b"a\x1b[31mb\nc\0"]);
        assert_eq!(seen, [(Level::Info, "a\\u{1b}[31mb\nc\\u{0}".to_owned())]);
    }

    #[test]
    fn long_and_many_messages_are_cut_and_counted() {
        let limits = Limits {
            log_line_bytes_max: 4,
            log_call_lines_max: 2,
            ..Limits::default()
        };
        let seen = collect(&limits, &["ab\u{e9}\u{e9}".as_bytes(), b"x", b"y", b"z"]);
        let texts: Vec<_> = seen.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["ab\u{e9} [2 bytes cut]", "x", "2 log messages dropped"]
        );
    }

    #[test]
    fn invalid_utf8_is_an_error_message() {
        let seen = collect(&Limits::default(), &[b"\xff"]);
        assert_eq!(seen[0].0, Level::Error);
    }
}

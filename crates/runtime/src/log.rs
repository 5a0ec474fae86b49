//! Log messages of plug-ins: with the plug-in's identity, bounded, to the process-wide log and to a
//! sink of its own.
//!
//! Invariant: nothing a plug-in logs can grow without bound or forge a line: control characters are
//! escaped, long messages cut, and what exceeds a call's share is counted and reported, not kept.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use uuid::Uuid;

use crate::Limits;

/// The level of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Level {
    /// The finest.
    Trace = 0,
    /// For debugging.
    Debug = 1,
    /// Worth knowing.
    Info = 2,
    /// Something looks wrong.
    Warn = 3,
    /// Something is wrong.
    Error = 4,
}

impl Level {
    /// The name in lower case, as filters spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What plug-ins are told when nothing listens.
pub(crate) const LEVEL_OFF: i32 = i32::MAX;

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
    line_bytes_max: u64,
    call_bytes_max: u64,
    call_lines_max: u64,
    bytes: u64,
    lines: u64,
    dropped: u64,
}

impl Logger {
    pub(crate) fn new(limits: &Limits, sink: Option<LogSink>) -> Logger {
        Logger {
            sink,
            line_bytes_max: limits.log_line_bytes_max,
            call_bytes_max: limits.log_call_bytes_max,
            call_lines_max: limits.log_call_lines_max,
            bytes: 0,
            lines: 0,
            dropped: 0,
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

    pub(crate) fn enabled(&self, level: Level) -> bool {
        level as i32 >= self.level()
    }

    /// Delivers one message.
    pub(crate) fn log(&mut self, plugin: Uuid, level: Level, message: &[u8]) {
        let length = message.len() as u64;
        if self.lines >= self.call_lines_max || self.bytes >= self.call_bytes_max {
            self.dropped += 1;
            return;
        }
        self.lines += 1;
        self.bytes = self.bytes.saturating_add(length);
        let Ok(text) = std::str::from_utf8(message) else {
            return self.emit(plugin, Level::Error, "unable to log message: invalid UTF-8");
        };
        let kept = cut(text, self.line_bytes_max);
        let text = escape(kept, Newlines::Kept);
        if kept.len() as u64 == length {
            self.emit(plugin, level, &text);
        } else {
            let bytes = length - kept.len() as u64;
            self.emit(plugin, level, &format!("{text} [{bytes} bytes cut]"));
        }
    }

    /// A call begins: its share is whole again; what the last one lost is reported.
    #[inline]
    pub(crate) fn begin(&mut self, plugin: Uuid) {
        if self.lines > 0 {
            self.renew(plugin);
        }
    }

    #[cold]
    pub(crate) fn renew(&mut self, plugin: Uuid) {
        self.lines = 0;
        self.bytes = 0;
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.emit(
                plugin,
                Level::Warn,
                &format!("{dropped} log messages dropped"),
            );
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
    let text = escape(text, Newlines::Escaped);
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

/// The longest prefix of at most `bytes_max` bytes that ends at a character.
pub(crate) fn cut(text: &str, bytes_max: u64) -> &str {
    let end = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    text.get(..text.floor_char_boundary(end)).unwrap_or(text)
}

#[derive(Clone, Copy, PartialEq)]
enum Newlines {
    Kept,
    Escaped,
}

fn escape(text: &str, newlines: Newlines) -> Cow<'_, str> {
    let harmless =
        |c: char| c == '\t' || (c == '\n' && newlines == Newlines::Kept) || !c.is_control();
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if harmless(c) {
            escaped.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "{}", c.escape_default());
        }
    }
    Cow::Owned(escaped)
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
        assert_eq!(escape("a\nb", Newlines::Escaped), "a\\nb");
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

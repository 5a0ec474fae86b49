//! Log messages of plug-ins: bounded, and unable to forge a line.
//!
//! Must not know: who listens. Keeps: nothing a plug-in logs can grow without bound: control characters
//! are escaped, long messages cut, and what exceeds a call's share is counted and reported, not kept.

use std::borrow::Cow;
use std::fmt::Write as _;

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
    /// All of them, each at the place of its number.
    pub const ALL: [Level; 5] = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ];

    /// The level of this number.
    pub fn from_number(number: u64) -> Option<Level> {
        let place = usize::try_from(number).ok()?;
        Level::ALL.get(place).copied()
    }

    /// The level of this name, in lower case.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

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
pub const LEVEL_OFF: i32 = i32::MAX;

/// What one call may log, and how much of it is used up.
#[derive(Clone, Debug)]
pub struct Share {
    line_bytes_max: u64,
    call_bytes_max: u64,
    call_lines_max: u64,
    bytes: u64,
    lines: u64,
    dropped: u64,
}

impl Share {
    /// A whole share.
    pub fn new(limits: &Limits) -> Share {
        Share {
            line_bytes_max: limits.log_line_bytes_max,
            call_bytes_max: limits.log_call_bytes_max,
            call_lines_max: limits.log_call_lines_max,
            bytes: 0,
            lines: 0,
            dropped: 0,
        }
    }

    /// The message as it may be shown and the level it has then; `None` if it is dropped.
    pub fn admit<'m>(&mut self, level: Level, message: &'m [u8]) -> Option<(Level, Cow<'m, str>)> {
        let length = message.len() as u64;
        if self.lines >= self.call_lines_max || self.bytes >= self.call_bytes_max {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        self.lines = self.lines.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length);
        let Some(kept) = beginning(message, self.line_bytes_max) else {
            let text = "unable to log message: invalid UTF-8";
            return Some((Level::Error, text.into()));
        };
        let text = escape(kept, Newlines::Kept);
        // What is written counts, where that is more.
        let more = (text.len() as u64).saturating_sub(length);
        self.bytes = self.bytes.saturating_add(more);
        if kept.len() as u64 == length {
            return Some((level, text));
        }
        let bytes = length.saturating_sub(kept.len() as u64);
        Some((level, format!("{text} [{bytes} bytes cut]").into()))
    }

    /// Whether anything was logged, or dropped, since the share was whole.
    #[inline]
    pub fn is_used(&self) -> bool {
        self.lines > 0 || self.dropped > 0
    }

    /// Makes the share whole again; the warning that tells what the last call lost.
    #[cold]
    pub fn renew(&mut self) -> Option<String> {
        self.lines = 0;
        self.bytes = 0;
        match std::mem::take(&mut self.dropped) {
            0 => None,
            dropped => Some(format!("{dropped} log messages dropped")),
        }
    }
}

/// The longest text of at most `bytes_max` bytes that a message begins with; `None` if it is no text so far.
/// What follows is not looked at, however much it is.
fn beginning(message: &[u8], bytes_max: u64) -> Option<&str> {
    let end = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let bytes = message.get(..end).unwrap_or(message);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // The last character may be cut off.
        Err(error) if error.error_len().is_none() && bytes.len() < message.len() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

/// The longest prefix of at most `bytes_max` bytes that ends at a character.
pub fn cut(text: &str, bytes_max: u64) -> &str {
    let end = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    text.get(..text.floor_char_boundary(end)).unwrap_or(text)
}

/// The text on one line: control characters escaped, tabs kept.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, Newlines::Escaped)
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
    let mut escaped = String::with_capacity(text.len().saturating_add(8));
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
    use super::*;

    #[test]
    fn levels_have_numbers_and_names() {
        for (number, level) in (0..).zip(Level::ALL) {
            assert_eq!(Level::from_number(number), Some(level));
            assert_eq!(level as i32, number as i32);
            assert_eq!(Level::from_name(level.name()), Some(level));
        }
        assert_eq!(Level::from_number(5), None);
        assert_eq!(Level::from_number(u64::MAX), None);
        assert_eq!(Level::from_name("Info"), None);
    }

    #[test]
    fn only_what_is_kept_is_looked_at() {
        let limits = Limits {
            log_line_bytes_max: 4,
            ..Limits::default()
        };
        let shown = |message: &[u8]| {
            let (level, text) = Share::new(&limits).admit(Level::Info, message).unwrap();
            (level, text.into_owned())
        };
        let info = |text: &str| (Level::Info, text.to_owned());
        assert_eq!(shown(b"abcd"), info("abcd"));
        assert_eq!(shown(b"abcde"), info("abcd [1 bytes cut]"));
        assert_eq!(shown("abcß".as_bytes()), info("abc [2 bytes cut]"));
        assert_eq!(shown(b"abcd\xff"), info("abcd [1 bytes cut]"));
        for bad in [&b"ab\xff"[..], b"ab\xffde", b"abc\xc3"] {
            assert_eq!(shown(bad).0, Level::Error, "{bad:?}");
        }
    }

    #[test]
    fn what_is_written_counts() {
        let limits = Limits {
            log_call_bytes_max: 20,
            ..Limits::default()
        };
        let mut share = Share::new(&limits);
        // Six bytes each.
        let lines = (0..10).filter(|_| share.admit(Level::Info, b"\x1b\x1b").is_some());
        assert_eq!(lines.count(), 2);
    }

    #[test]
    fn a_share_of_nothing_is_used_up_by_what_it_drops() {
        let limits = Limits {
            log_call_lines_max: 0,
            ..Limits::default()
        };
        let mut share = Share::new(&limits);
        assert!(!share.is_used());
        assert_eq!(share.admit(Level::Info, b"a"), None);
        assert!(share.is_used());
        assert_eq!(share.renew(), Some("1 log messages dropped".to_owned()));
        assert!(!share.is_used());
    }

    #[test]
    fn newlines_are_kept_or_escaped() {
        assert_eq!(one_line("a\nb\x1b"), "a\\nb\\u{1b}");
        let mut share = Share::new(&Limits::default());
        let shown = share.admit(Level::Info, b"a\nb\x1b").unwrap();
        assert_eq!(shown, (Level::Info, "a\nb\\u{1b}".into()));
    }
}

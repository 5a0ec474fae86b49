//! Logging through the host.
//!
//! Must not know: where the host writes. Invariant: a message below the level of the host is not even
//! formatted.

use crate::{Memory, extism};
use std::fmt::Arguments;

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// For whoever runs the host.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// The number that hosts know the level by, from 0 for trace to 4 for error.
    pub const fn to_int(self) -> i32 {
        match self {
            LogLevel::Trace => 0,
            LogLevel::Debug => 1,
            LogLevel::Info => 2,
            LogLevel::Warn => 3,
            LogLevel::Error => 4,
        }
    }
}

/// Logs a message if the host wants messages of this level. Without memory for it the message is lost, the
/// function goes on.
#[doc(hidden)]
pub fn write(level: LogLevel, message: Arguments<'_>) {
    // SAFETY: the import takes nothing and gives a number.
    let wanted = unsafe { extism::get_log_level() };
    if wanted == i32::MAX || level.to_int() < wanted {
        return;
    }
    let formatted;
    let text = match message.as_str() {
        Some(text) => text,
        None => {
            formatted = message.to_string();
            &formatted
        }
    };
    if let Ok(memory) = Memory::from_bytes(text) {
        memory.log(level);
    }
}

/// Logs a formatted message at a [`LogLevel`]: `log!(LogLevel::Info, "{n} done")`.
#[macro_export]
macro_rules! log {
    ($level:expr, $($text:tt)+) => {
        $crate::__private::log($level, ::std::format_args!($($text)+))
    };
}

/// Defines a macro per level. The `$` of the macros it defines is given to it, since it cannot write one
/// itself.
macro_rules! levels {
    ($d:tt $($(#[$doc:meta])* $name:ident $level:ident;)*) => {$(
        $(#[$doc])*
        #[macro_export]
        macro_rules! $name {
            ($d($d text:tt)+) => {
                $d crate::log!($d crate::LogLevel::$level, $d($d text)+)
            };
        }
    )*};
}

levels! { $
    /// Logs a formatted message as a trace.
    trace Trace;
    /// Logs a formatted message for debugging.
    debug Debug;
    /// Logs a formatted message as information.
    info Info;
    /// Logs a formatted message as a warning.
    warn Warn;
    /// Logs a formatted message as an error.
    error Error;
}

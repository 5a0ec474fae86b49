//! The process-wide log, for hosts that do not set up `tracing` themselves.
//!
//! Must not know: plug-ins. Invariant: a panic of the callback does not reach the plug-in that logs.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Error;

/// Gives every line of the process-wide log to `func`.
///
/// `filter` is a level for plug-ins and the library (`"debug"`), or directives as
/// `tracing-subscriber` understands them (`"extism=trace,other=info"`). To get the messages of one
/// plug-in only, with their level and without formatting, use
/// [`PluginBuilder::with_log_sink`](crate::PluginBuilder::with_log_sink).
///
/// ```
/// extism::set_log_callback(|line| eprint!("{line}"), "info")?;
/// # Ok::<(), extism::Error>(())
/// ```
///
/// # Errors
/// When the process already has a log: it can be set up once.
pub fn set_log_callback<F: Fn(&str) + Clone + Send + Sync + 'static>(
    func: F,
    filter: impl AsRef<str>,
) -> Result<(), Error> {
    let filter = extism_binding::filter(filter.as_ref());
    match extism_binding::install(filter, move || Lines(func.clone())) {
        true => Ok(()),
        false => Err(Error::msg("the process has a log already")),
    }
}

/// Hands what is written to a callback; the formatter writes one line at a time.
struct Lines<F>(F);

impl<F: Fn(&str)> io::Write for Lines<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(line) = std::str::from_utf8(bytes) {
            // The callback's panic is its own; the plug-in's call goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(line)));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

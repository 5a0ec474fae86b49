//! The log of the process: to a file, or buffered for the host to fetch.
//!
//! Must not know: plug-ins. Invariants: one destination per process, chosen once; the buffer is
//! bounded: the oldest lines go first, counted; the host's callback runs with nothing locked.

use std::collections::VecDeque;
use std::ffi::{CString, c_char};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use extism_binding::filter;
use extism_runtime::Error;
use tracing_subscriber::EnvFilter;

use crate::ffi;

/// How many lines wait to be fetched at most, and how many bytes.
const LINES_MAX: usize = 10_000;
const BYTES_MAX: usize = 8 << 20;

/// Receives one line.
pub type ExtismLogDrainFunctionType = extern "C" fn(data: *const c_char, size: u64);

/// Whether a destination was chosen.
static CHOSEN: Mutex<bool> = Mutex::new(false);

static BUFFER: Mutex<Buffer> = Mutex::new(Buffer {
    lines: VecDeque::new(),
    bytes: 0,
    dropped: 0,
    dropped_ever: 0,
});

struct Buffer {
    lines: VecDeque<CString>,
    bytes: usize,
    /// Since the last time lines were fetched.
    dropped: u64,
    dropped_ever: u64,
}

impl Buffer {
    fn push(&mut self, line: CString) {
        self.bytes = self.bytes.saturating_add(line.count_bytes());
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(oldest.count_bytes());
            self.dropped = self.dropped.saturating_add(1);
            self.dropped_ever = self.dropped_ever.saturating_add(1);
        }
    }

    fn take(&mut self) -> VecDeque<CString> {
        self.bytes = 0;
        let mut lines = std::mem::take(&mut self.lines);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            lines.push_front(ffi::c_string(&format!(
                "WARN extism: {dropped} log lines dropped\n"
            )));
        }
        lines
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many lines were dropped since the process began.
pub(crate) fn lines_dropped() -> u64 {
    lock(&BUFFER).dropped_ever
}

/// Writes lines into the buffer.
#[derive(Clone, Copy)]
struct ToBuffer;

impl io::Write for ToBuffer {
    /// One call is one line: that is how the formatter writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        lock(&BUFFER).push(ffi::c_string(&text));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A filter a caller passed; NULL is errors alone.
///
/// # Safety
/// NULL, or a text that ends with NUL.
unsafe fn given_filter(text: *const c_char) -> Result<EnvFilter, Error> {
    if text.is_null() {
        return Ok(filter("error"));
    }
    // SAFETY: as the caller says.
    unsafe { ffi::text(text) }.map(filter)
}

/// Chooses the destination, unless one was chosen.
fn choose(set: impl FnOnce() -> bool) -> bool {
    let mut chosen = lock(&CHOSEN);
    if *chosen {
        return false;
    }
    *chosen = set();
    *chosen
}

/// Sends the log to a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_log_file(
    filename: *const c_char,
    log_level: *const c_char,
) -> bool {
    boundary!(extism_log_file, false, {
        // SAFETY: the caller passes NULL or texts that end with NUL.
        let (name, filter) = unsafe { (ffi::text(filename), given_filter(log_level)) };
        let Ok(filter) = filter else {
            return false;
        };
        match name {
            Err(_) if filename.is_null() => choose(|| extism_binding::set_file("stderr", filter)),
            Err(_) => false,
            Ok(path) => choose(|| extism_binding::set_file(path, filter)),
        }
    })
}

/// Keeps the log for the host to fetch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_log_custom(log_level: *const c_char) -> bool {
    boundary!(extism_log_custom, false, {
        // SAFETY: the caller passes NULL or a text that ends with NUL.
        let filter = unsafe { given_filter(log_level) };
        filter.is_ok_and(|filter| choose(|| extism_binding::install(filter, || ToBuffer)))
    })
}

/// Hands every line that was kept to the host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_log_drain(handler: Option<ExtismLogDrainFunctionType>) {
    boundary!(extism_log_drain, (), {
        if let Some(handler) = handler {
            // The handler may log, or drain: nothing is locked while it runs.
            let lines = lock(&BUFFER).take();
            for line in lines {
                handler(line.as_ptr(), line.count_bytes() as u64);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_keeps_the_newest_lines_and_counts_the_rest() {
        let mut buffer = Buffer {
            lines: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            dropped_ever: 0,
        };
        for number in 0..LINES_MAX + 3 {
            buffer.push(ffi::c_string(&format!("{number}\n")));
        }
        let lines = buffer.take();
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert_eq!(
            lines.front().map(CString::as_c_str),
            Some(c"WARN extism: 3 log lines dropped\n")
        );
        assert_eq!(lines.get(1).map(CString::as_c_str), Some(c"3\n"));
        buffer.push(ffi::c_string(&"x".repeat(BYTES_MAX)));
        buffer.push(ffi::c_string("y"));
        let lines = buffer.take();
        assert_eq!(
            lines.len(),
            2,
            "one line and the count of the one it displaced"
        );
        assert_eq!(buffer.bytes, 0);
        assert_eq!(buffer.dropped_ever, 4);
    }
}

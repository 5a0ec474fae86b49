//! A line on the terminal while a download or a compilation takes long.
//!
//! Must not know: what is being loaded. Invariant: nothing is written unless standard error is a
//! terminal, nothing before half a second has passed, and the line is gone afterwards.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::global::Global;
use crate::output;

/// How long something may take before it is mentioned.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the line is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// Shown while it exists.
pub(crate) struct Progress {
    state: Arc<State>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

#[derive(Default)]
struct State {
    received_bytes: AtomicU64,
    /// 0: not known.
    expected_bytes: AtomicU64,
}

impl Progress {
    /// Begins to wait for something called `what`.
    pub(crate) fn start(global: &Global, what: &str) -> Progress {
        let state = Arc::new(State::default());
        let wanted = !global.quiet && std::io::stderr().is_terminal();
        let drawing = wanted.then(|| draw(Arc::clone(&state), what.to_owned()));
        Progress { state, drawing }
    }

    /// A download has come this far.
    pub(crate) fn received(&self, bytes: u64, of: Option<u64>) {
        self.state.received_bytes.store(bytes, Ordering::Relaxed);
        let expected = of.unwrap_or_default();
        self.state.expected_bytes.store(expected, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.drawing.take() {
            drop(stop);
            // A line that could not be drawn is no reason to fail.
            let _ = thread.join();
        }
    }
}

fn draw(state: Arc<State>, what: String) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let mut wait = PATIENCE;
        let mut drawn = false;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let received = state.received_bytes.load(Ordering::Relaxed);
            let expected = state.expected_bytes.load(Ordering::Relaxed);
            // The cursor goes to the beginning, the line is cleared. A closed terminal is nobody's fault.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{}",
                line(&what, received, expected)
            );
            drawn = true;
            wait = PERIOD;
        }
        if drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    });
    (stop, thread)
}

fn line(what: &str, received: u64, expected: u64) -> String {
    let what = output::printable(what);
    match (received, expected) {
        (0, _) => format!("compiling {what} ..."),
        (received, 0) => format!("loading {what}: {} ...", output::bytes(received)),
        (received, expected) if received >= expected => format!("compiling {what} ..."),
        (received, expected) => {
            let (received, expected) = (output::bytes(received), output::bytes(expected));
            format!("downloading {what}: {received} of {expected} ...")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_takes_long() {
        for (received, expected, text) in [
            (0, 0, "compiling a.wasm ..."),
            (2048, 0, "loading a.wasm: 2.0 KiB ..."),
            (1024, 2048, "downloading a.wasm: 1.0 KiB of 2.0 KiB ..."),
            (2048, 2048, "compiling a.wasm ..."),
        ] {
            assert_eq!(line("a.wasm", received, expected), text);
        }
    }

    #[test]
    fn nothing_is_drawn_when_quiet() {
        let quiet = Global {
            quiet: true,
            ..Global::default()
        };
        assert!(Progress::start(&quiet, "a").drawing.is_none());
    }
}

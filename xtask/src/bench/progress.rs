//! What is being done, for whoever waits.
//!
//! Must not know: what is measured. Invariant: nothing of it goes to the standard output.

use std::io::{self, IsTerminal};
use std::time::Instant;

use crate::stages;

/// The line that says how far it is.
pub(crate) struct Progress {
    on_terminal: bool,
    started: Instant,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            on_terminal: io::stderr().is_terminal(),
            started: Instant::now(),
        }
    }

    /// A step that takes seconds at most: shown where it can be replaced by the next.
    pub(crate) fn step(&self, text: &str) {
        if self.on_terminal {
            let seconds = self.started.elapsed().as_secs();
            stages::show(true, &format!("{seconds:>4} s  {text}"));
        }
    }

    /// The beginning of something longer: shown everywhere.
    pub(crate) fn part(&self, text: &str) {
        if self.on_terminal {
            self.step(text);
        } else {
            stages::show(false, text);
        }
    }

    /// Makes room for what is printed next.
    pub(crate) fn clear(&self) {
        if self.on_terminal {
            stages::show(true, "");
        }
    }
}

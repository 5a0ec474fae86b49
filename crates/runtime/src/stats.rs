//! How many objects of the runtime are alive, for tests and telemetry.
//!
//! Counted when objects come and go, never during a call: two plug-ins on two threads share nothing
//! they write.

use std::sync::atomic::{AtomicU64, Ordering};

static PLUGINS: AtomicU64 = AtomicU64::new(0);
static COMPILED: AtomicU64 = AtomicU64::new(0);
static FUNCTIONS: AtomicU64 = AtomicU64::new(0);

/// A snapshot of the live counters of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Plug-ins.
    pub plugins: u64,
    /// Compiled plug-ins. A plug-in keeps the one it was made from alive.
    pub compiled_plugins: u64,
    /// Host functions whose user data has not been released.
    pub host_functions: u64,
}

impl Stats {
    /// The counters now.
    pub fn now() -> Stats {
        Stats {
            plugins: PLUGINS.load(Ordering::Relaxed),
            compiled_plugins: COMPILED.load(Ordering::Relaxed),
            host_functions: FUNCTIONS.load(Ordering::Relaxed),
        }
    }
}

/// Counts one live object from its creation to its drop.
pub(crate) struct Live(&'static AtomicU64);

impl Live {
    pub(crate) fn plugin() -> Live {
        Live::count(&PLUGINS)
    }

    pub(crate) fn compiled() -> Live {
        Live::count(&COMPILED)
    }

    pub(crate) fn function() -> Live {
        Live::count(&FUNCTIONS)
    }

    fn count(counter: &'static AtomicU64) -> Live {
        counter.fetch_add(1, Ordering::Relaxed);
        Live(counter)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

//! What is alive: the counters of the runtime, and calls.
//!
//! Must not know: anything else. Invariant: a call is counted from its making until its memory is given back.

use std::sync::atomic::{AtomicU64, Ordering};

use extism_runtime::Stats;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Counts one live call.
pub(crate) struct Live(());

impl Live {
    pub(crate) fn call() -> Live {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Live(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `{Plugins, CompiledPlugins, HostFunctions, Calls}`.
#[rustler::nif]
fn stats() -> (u64, u64, u64, u64) {
    let stats = Stats::now();
    let calls = CALLS.load(Ordering::Relaxed);
    (
        stats.plugins,
        stats.compiled_plugins,
        stats.host_functions,
        calls,
    )
}

/// The version of the library.
#[rustler::nif]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

//! What is alive, and which version this is.
//!
//! Must not know: anything else. Invariant: the counters are the runtime's.

use extism_runtime::Stats;
use napi_derive::napi;

/// Plug-ins, compiled plug-ins, host functions.
#[napi]
fn stats() -> Vec<f64> {
    let stats = Stats::now();
    let all = [stats.plugins, stats.compiled_plugins, stats.host_functions];
    all.into_iter().map(|count| count as f64).collect()
}

/// The version of the library.
#[napi]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

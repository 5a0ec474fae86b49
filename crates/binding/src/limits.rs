//! The bounds of what bindings do beside the runtime.

/// How many threads of a package work at a time. Calls beyond that wait for one.
pub const WORKING_MAX: usize = 1_024;

/// How many threads of a package there are, with those that wait for the answers of a host.
pub const THREADS_MAX: usize = 8 * WORKING_MAX;

/// Seconds until a thread ends that has nothing to do.
pub const IDLE_SECONDS_MAX: u64 = 10;

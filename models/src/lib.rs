//! Models: the files that decide whether a call has to stop and who gets a plug-in of a pool, compiled
//! with atomics, locks and threads that try every order of their steps and every value a read may see
//! (loom), or very many random orders (shuttle).
//!
//! Must not know: the engine; a counter stands for it, and a number for the clock. Invariant: what is tried
//! are the product's own files, not copies; the watchdog's steps (shuttle) alone are one.
#![cfg(test)]

/// What `crates/runtime/src/sync.rs` is for the runtime.
mod sync {
    pub(crate) use std::sync::OnceLock;

    #[cfg(not(feature = "shuttle"))]
    pub(crate) use loom::sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };
    #[cfg(not(feature = "shuttle"))]
    pub(crate) use loom::thread;
    #[cfg(not(feature = "shuttle"))]
    pub(crate) use loom::thread_local;
    #[cfg(feature = "shuttle")]
    pub(crate) use shuttle::sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };
    #[cfg(feature = "shuttle")]
    pub(crate) use shuttle::thread;
    #[cfg(feature = "shuttle")]
    pub(crate) use shuttle::thread_local;
    pub(crate) use thread::{Thread, current, park};

    /// Time does not pass here: who waits for it waits to be woken.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        park();
    }
}

/// As much of the engine as a token knows.
mod engine {
    use crate::sync::{Arc, AtomicU64, Ordering};

    #[derive(Clone)]
    pub(crate) struct Engine(Arc<AtomicU64>);

    impl Engine {
        pub(crate) fn new() -> Engine {
            Engine(Arc::new(AtomicU64::new(0)))
        }

        pub(crate) fn increment_epoch(&self) {
            self.0.fetch_add(1, Ordering::Release);
        }

        /// What the generated code does at a loop: it looks, and calls the host if the number is another.
        pub(crate) fn epoch(&self) -> u64 {
            self.0.load(Ordering::Acquire)
        }
    }
}

mod binding;
mod call;
mod explore;
mod lending;
mod plugin;
mod waiting;

// By the names that the files have for their neighbours.
extern crate self as extism_runtime;
use binding::{alarm, borrow, cell};
use plugin::{Error, Plugin, Status};
use pool::{Lease, Pool, PoolStats};

/// The runtime's file.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is public in the runtime, and has more than the models ask for"
)]
#[path = "../../crates/runtime/src/pool.rs"]
mod pool;

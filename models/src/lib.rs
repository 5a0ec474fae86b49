//! Models: the file that decides whether a call has to stop, compiled with atomics and threads that try every
//! order of their steps and every value a read may see.
//!
//! Must not know: the engine; a counter stands for it, and a number for the clock. Invariant: what is tried
//! is the runtime's own file, not a copy.
#![cfg(test)]

/// What `crates/runtime/src/sync.rs` is for the runtime.
mod sync {
    pub(crate) use std::sync::OnceLock;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Arc, Mutex};
    pub(crate) use loom::thread::{Thread, current, park};

    /// Time does not pass here: who waits for it waits to be woken.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        park();
    }
}

/// As much of the engine as a token knows.
mod engine {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU64, Ordering};

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

mod call;

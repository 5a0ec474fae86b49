//! What threads share, by one name: `models` compiles the files that use it with loom's in its place.
//!
//! Must not know: who uses it. Invariant: it is the standard library's.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
pub(crate) use std::thread::{Thread, current, park, park_timeout};

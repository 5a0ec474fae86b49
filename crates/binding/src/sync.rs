//! What threads share, by one name: `models` compiles the file that uses it with loom's in its place.
//!
//! Must not know: who uses it. Invariant: it is the standard library's.

pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread_local;

//! Modules compiled in this process, by what they were compiled from.
//!
//! Loading the same bytes again costs a hash. Invariant: an entry is found only by the SHA-256 of
//! the bytes, the engine and the way kernel memory was put in, so a hit is always the module a
//! fresh compilation would have given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::Engine;

use crate::module::compile::{CompiledModule, Rewrite};

/// How many modules are kept after their last user has gone.
const ENTRIES_MAX: usize = 64;

/// How many bytes of source the kept modules may have together.
const SOURCE_BYTES_MAX: u64 = 256 << 20;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) sha256: [u8; 32],
    pub(crate) rewrite: Rewrite,
}

struct Entry {
    key: Key,
    engine: Engine,
    bytes: u64,
    module: CompiledModule,
}

/// Least recently used first.
static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// The module, if it is known.
pub(crate) fn get(engine: &Engine, key: &Key) -> Option<CompiledModule> {
    let mut entries = lock();
    let at = entries
        .iter()
        .rposition(|entry| entry.key == *key && Engine::same(&entry.engine, engine))?;
    let entry = entries.remove(at);
    let module = entry.module.clone();
    entries.push(entry);
    Some(module)
}

/// Keeps a module, at the expense of those unused for longest.
pub(crate) fn put(engine: &Engine, key: Key, bytes: u64, module: CompiledModule) {
    let mut entries = lock();
    entries.push(Entry {
        key,
        engine: engine.clone(),
        bytes,
        module,
    });
    let mut sum: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut excess = 0;
    for entry in entries.iter() {
        if entries.len() - excess <= ENTRIES_MAX && sum <= SOURCE_BYTES_MAX {
            break;
        }
        sum -= entry.bytes;
        excess += 1;
    }
    // Dropping code can take a while; not under the lock.
    let dropped: Vec<Entry> = entries.drain(..excess).collect();
    drop(entries);
    drop(dropped);
}

fn lock() -> MutexGuard<'static, Vec<Entry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

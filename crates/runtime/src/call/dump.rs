//! What a failed call leaves on disk, if the host asked for it.
//!
//! A dump that cannot be written is reported in the log; the call's own error stays what it is.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use wasmtime::{Store, WasmCoreDump};

use crate::host::function::panic_text;
use crate::state::State;

/// Writes the core dump of a trap.
pub(crate) fn core(store: &mut Store<State>, error: &wasmtime::Error) {
    let Some(file) = store.data().compiled.options.debug.coredump.clone() else {
        return;
    };
    let Some(dump) = error.downcast_ref::<WasmCoreDump>() else {
        return;
    };
    // The engine panics where a global is of a type that it cannot write.
    match catch_unwind(AssertUnwindSafe(|| dump.serialize(store, "extism"))) {
        Ok(bytes) => write(&file, &bytes),
        Err(payload) => not_written(&file, panic_text(payload.as_ref())),
    }
}

/// Writes kernel memory as the failed call left it.
pub(crate) fn memory(store: &Store<State>) {
    let state = store.data();
    let (Some(file), Some(memory)) = (&state.compiled.options.debug.memdump, state.memory) else {
        return;
    };
    write(file, memory.data(store));
}

fn write(file: &Path, bytes: &[u8]) {
    if let Err(error) = std::fs::write(file, bytes) {
        not_written(file, error);
    }
}

fn not_written(file: &Path, why: impl Display) {
    tracing::error!("cannot write {}: {why}", file.display());
}

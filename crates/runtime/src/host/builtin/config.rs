//! `config_get`: what the manifest and the host configured.

use wasmtime::{Caller, Linker};

use super::{give_found, take_text};
use crate::kernel::imports::both;
use crate::state::State;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(linker, "config_get", config_get)
}

/// The value under a key, or 0.
fn config_get(mut cx: Caller<'_, State>, key: u64) -> wasmtime::Result<u64> {
    let key = take_text(&mut cx, key, "config key")?;
    give_found(&mut cx, |state| {
        state.config.get(&key).map(String::as_bytes)
    })
}

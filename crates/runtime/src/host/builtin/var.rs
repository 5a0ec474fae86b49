//! `var_get` and `var_set`: bytes a plug-in keeps from call to call.

use wasmtime::{Caller, Linker};

use super::{block, free, give_found, take_text};
use crate::Status;
use crate::error::Error;
use crate::kernel::imports::both;
use crate::kernel::memory;
use crate::state::State;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(linker, "var_get", var_get)?;
    both(linker, "var_set", var_set)
}

/// A copy of the value under a name, or 0.
fn var_get(mut cx: Caller<'_, State>, name: u64) -> wasmtime::Result<u64> {
    let name = take_text(&mut cx, name, "var key")?;
    give_found(&mut cx, |state| state.vars.get(&name))
}

/// Sets the value under a name; the value 0 removes it.
fn var_set(mut cx: Caller<'_, State>, name: u64, value: u64) -> wasmtime::Result<()> {
    if !cx.data().vars.enabled() {
        let text = "Vars are disabled by this host";
        return Err(Error::new(Status::VarsDisabled, text).into());
    }
    let value_block = block(&cx, value, "var value")?;
    let name = take_text(&mut cx, name, "var key")?;
    if value == 0 {
        cx.data_mut().vars.remove(&name);
        return Ok(());
    }
    let kernel = memory::of_caller(&mut cx)?;
    let (data, state) = kernel.data_and_store_mut(&mut cx);
    let bytes = memory::bytes(data, value_block).unwrap_or_default();
    state.vars.set(&name, bytes).map_err(Error::from)?;
    free(&mut cx, value)
}

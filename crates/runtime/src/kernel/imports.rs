//! The kernel functions a plug-in imports, under the names of both eras.
//!
//! Semantics are those of the tables in docs/abi.md. Invariant: no argument, whatever its value,
//! traps or reaches a byte outside kernel memory. Rewritten modules do the loads and stores
//! themselves and must answer exactly as these do.

use extism_abi::import::{ENV_MODULE, LEGACY_MODULE, LEGACY_PREFIX};
use extism_kernel::Range;
use wasmtime::{Caller, IntoFunc, Linker};

use super::memory;
use crate::state::State;

type Cx<'a> = Caller<'a, State>;
type Result<T> = wasmtime::Result<T>;

/// Defines every kernel function in `linker`.
pub(crate) fn define(linker: &mut Linker<State>) -> Result<()> {
    both(linker, "alloc", alloc)?;
    both(linker, "free", free)?;
    both(linker, "length", length)?;
    both(linker, "length_unsafe", length)?;
    both(linker, "load_u8", load_u8)?;
    both(linker, "load_u64", load_u64)?;
    both(linker, "store_u8", store_u8)?;
    both(linker, "store_u64", store_u64)?;
    both(linker, "input_length", input_length)?;
    both(linker, "input_offset", input_offset)?;
    both(linker, "input_load_u8", input_load_u8)?;
    both(linker, "input_load_u64", input_load_u64)?;
    both(linker, "input_set", input_set)?;
    both(linker, "output_set", output_set)?;
    both(linker, "output_offset", output_offset)?;
    both(linker, "output_length", output_length)?;
    both(linker, "error_set", error_set)?;
    both(linker, "error_get", error_get)?;
    both(linker, "reset", reset)?;
    both(linker, "memory_bytes", memory_bytes)?;
    // These two were gone by 0.1 and never had a 1.x name.
    legacy(linker, "load_u32", load_u32)?;
    legacy(linker, "store_u32", store_u32)
}

/// Defines `function` under its 1.x name and under its 0.1 name.
pub(crate) fn both<Params, Results>(
    linker: &mut Linker<State>,
    name: &str,
    function: impl IntoFunc<State, Params, Results> + Copy,
) -> Result<()> {
    linker.func_wrap(ENV_MODULE, name, function)?;
    legacy(linker, name, function)
}

fn legacy<Params, Results>(
    linker: &mut Linker<State>,
    name: &str,
    function: impl IntoFunc<State, Params, Results>,
) -> Result<()> {
    linker.func_wrap(LEGACY_MODULE, &format!("{LEGACY_PREFIX}{name}"), function)?;
    Ok(())
}

fn alloc(mut cx: Cx<'_>, bytes: u64) -> Result<u64> {
    let memory = memory::of_caller(&mut cx)?;
    Ok(memory::alloc(&mut cx, memory, bytes).unwrap_or(0))
}

fn free(mut cx: Cx<'_>, handle: u64) -> Result<()> {
    let memory = memory::of_caller(&mut cx)?;
    let before = cx.data().kernel.input();
    cx.data_mut().kernel.free(handle);
    if cx.data().kernel.input() != before {
        memory::input_changed(&mut cx, memory);
    }
    Ok(())
}

fn length(cx: Cx<'_>, handle: u64) -> u64 {
    cx.data().kernel.length(handle)
}

fn load<const N: usize>(cx: &mut Cx<'_>, address: u64) -> Result<[u8; N]> {
    let memory = memory::of_caller(cx)?;
    Ok(memory::load(memory.data(&*cx), address).unwrap_or([0; N]))
}

fn save<const N: usize>(cx: &mut Cx<'_>, address: u64, value: [u8; N]) -> Result<()> {
    let memory = memory::of_caller(cx)?;
    memory::save(memory.data_mut(cx), address, value);
    Ok(())
}

fn load_u8(mut cx: Cx<'_>, address: u64) -> Result<u32> {
    Ok(u32::from(u8::from_le_bytes(load(&mut cx, address)?)))
}

fn load_u32(mut cx: Cx<'_>, address: u64) -> Result<u32> {
    Ok(u32::from_le_bytes(load(&mut cx, address)?))
}

fn load_u64(mut cx: Cx<'_>, address: u64) -> Result<u64> {
    Ok(u64::from_le_bytes(load(&mut cx, address)?))
}

fn store_u8(mut cx: Cx<'_>, address: u64, value: u32) -> Result<()> {
    save(&mut cx, address, [value.to_le_bytes()[0]])
}

fn store_u32(mut cx: Cx<'_>, address: u64, value: u32) -> Result<()> {
    save(&mut cx, address, value.to_le_bytes())
}

fn store_u64(mut cx: Cx<'_>, address: u64, value: u64) -> Result<()> {
    save(&mut cx, address, value.to_le_bytes())
}

fn input_length(cx: Cx<'_>) -> u64 {
    cx.data().kernel.input().length
}

fn input_offset(cx: Cx<'_>) -> u64 {
    cx.data().kernel.input().offset
}

fn input_load_u8(mut cx: Cx<'_>, offset: u64) -> Result<u32> {
    Ok(u32::from(u8::from_le_bytes(input_load(&mut cx, offset)?)))
}

fn input_load_u64(mut cx: Cx<'_>, offset: u64) -> Result<u64> {
    Ok(u64::from_le_bytes(input_load(&mut cx, offset)?))
}

/// `N` bytes of the input; zeros unless all of them are inside it.
fn input_load<const N: usize>(cx: &mut Cx<'_>, offset: u64) -> Result<[u8; N]> {
    let input = cx.data().kernel.input();
    match offset.checked_add(N as u64) {
        Some(end) if end <= input.length => load(cx, input.offset.saturating_add(offset)),
        _ => Ok([0; N]),
    }
}

fn input_set(mut cx: Cx<'_>, handle: u64, length: u64) -> Result<()> {
    let memory = memory::of_caller(&mut cx)?;
    let state = cx.data_mut();
    let bytes = state.memory_bytes;
    state.kernel.set_input(handle, length, bytes);
    memory::input_changed(&mut cx, memory);
    Ok(())
}

fn output_set(mut cx: Cx<'_>, handle: u64, length: u64) -> Result<()> {
    memory::of_caller(&mut cx)?;
    let state = cx.data_mut();
    state.kernel.set_output(handle, length, state.memory_bytes);
    Ok(())
}

fn output_offset(cx: Cx<'_>) -> u64 {
    output(&cx).offset
}

fn output_length(cx: Cx<'_>) -> u64 {
    output(&cx).length
}

fn output(cx: &Cx<'_>) -> Range {
    cx.data().kernel.output()
}

fn error_set(mut cx: Cx<'_>, handle: u64) -> Result<()> {
    memory::of_caller(&mut cx)?;
    let state = cx.data_mut();
    state.kernel.set_error(handle, state.memory_bytes);
    Ok(())
}

fn error_get(cx: Cx<'_>) -> u64 {
    cx.data().kernel.error()
}

fn reset(mut cx: Cx<'_>) -> Result<()> {
    let memory = memory::of_caller(&mut cx)?;
    memory::wipe(&mut cx, memory);
    Ok(())
}

fn memory_bytes(mut cx: Cx<'_>) -> Result<u64> {
    memory::of_caller(&mut cx)?;
    let state = cx.data();
    Ok(state.kernel.capacity(state.memory_bytes))
}

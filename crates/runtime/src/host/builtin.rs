//! The builtins: config, variables, logging, HTTP. They take handles of kernel memory, free what
//! they were given, and answer with new blocks.
//!
//! Invariant: a handle that names no block ends the call with a message that says which argument it was.

pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod var;

use extism_kernel::Range;
use extism_semantics::Fault;
use wasmtime::{Caller, Linker};

use crate::Status;
use crate::error::Error;
use crate::kernel::memory;
use crate::state::State;

/// Defines every builtin in `linker`, under the names of both eras.
pub(crate) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    config::define(linker)?;
    var::define(linker)?;
    log::define(linker)?;
    http::define(linker)
}

/// The block a handle names, for the argument called `what`. 0 is the empty block; a block of no
/// bytes does not exist.
fn block(cx: &Caller<'_, State>, handle: u64, what: &str) -> Result<Range, Error> {
    let length = cx.data().kernel.length(handle);
    if handle != 0 && length == 0 {
        return Err(Error::new(
            Status::BadKernelHandle,
            format!("invalid handle offset for {what}: {handle}"),
        ));
    }
    Ok(Range {
        offset: handle,
        length,
    })
}

/// Takes the bytes of a block and frees it.
fn take(cx: &mut Caller<'_, State>, handle: u64, what: &str) -> wasmtime::Result<Vec<u8>> {
    let range = block(cx, handle, what)?;
    let kernel = memory::of_caller(cx)?;
    let bytes = match range.length {
        0 => Vec::new(),
        _ => copied(memory::bytes(kernel.data(&*cx), range).unwrap_or_default())?,
    };
    free(cx, handle)?;
    Ok(bytes)
}

/// A copy of bytes whose number a guest has chosen: for those there may be no memory.
fn copied(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|error| Error::from(Fault::no_memory(&error, bytes.len())))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// As [`take`], for text.
fn take_text(cx: &mut Caller<'_, State>, handle: u64, what: &str) -> wasmtime::Result<String> {
    let bytes = take(cx, handle, what)?;
    String::from_utf8(bytes).map_err(|error| {
        Error::with_cause(Status::InvalidUtf8, format!("{what} is not UTF-8"), error).into()
    })
}

fn free(cx: &mut Caller<'_, State>, handle: u64) -> wasmtime::Result<()> {
    let input = cx.data().kernel.input();
    cx.data_mut().kernel.free(handle);
    if cx.data().kernel.input() != input {
        let kernel = memory::of_caller(cx)?;
        memory::input_changed(cx, kernel);
    }
    Ok(())
}

/// A new block with these bytes.
fn give(cx: &mut Caller<'_, State>, bytes: &[u8]) -> wasmtime::Result<u64> {
    let kernel = memory::of_caller(cx)?;
    memory::store(cx, kernel, bytes).map_err(|refused| memory::refused(refused).into())
}

/// A new block with the bytes of the state that `find` finds; 0 if it finds none. They are copied once.
fn give_found(
    cx: &mut Caller<'_, State>,
    find: impl Fn(&State) -> Option<&[u8]>,
) -> wasmtime::Result<u64> {
    let Some(length) = find(cx.data()).map(|bytes| bytes.len() as u64) else {
        return Ok(0);
    };
    if length == 0 {
        return Ok(0);
    }
    let kernel = memory::of_caller(cx)?;
    let offset = memory::alloc(&mut *cx, kernel, length).map_err(memory::refused)?;
    let (data, state) = kernel.data_and_store_mut(cx);
    let block = memory::bytes_mut(data, Range { offset, length });
    if let (Some(block), Some(bytes)) = (block, find(state)) {
        block.copy_from_slice(bytes);
    }
    Ok(offset)
}

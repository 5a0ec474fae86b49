//! The bytes of kernel memory.
//!
//! This is the only place that turns an (offset, length) from a guest into a slice, always by checked `get`.
//! Invariant: the host never reads the cells below `FIRST_HANDLE`; it only writes them, for
//! rewritten modules.

use extism_abi::layout::{
    FIRST_HANDLE, INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS, KERNEL_MEMORY_EXPORT, PAGE_BYTES,
};
use extism_kernel::{Kernel, Range, Refused};
use wasmtime::{AsContextMut, Caller, Extern, Memory, Store};

use crate::Status;
use crate::error::Error;
use crate::state::State;

/// Kernel memory beyond this many bytes is handed back to the operating system at the next call with a
/// small input.
const KEEP_BYTES: u64 = 16 << 20;

/// Kernel memory of the plug-in that made this call. Before instantiation is over (start
/// functions), only the calling module can say where it is.
#[inline]
pub(crate) fn of_caller(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    match caller.data().memory {
        Some(memory) => Ok(memory),
        None => first_use(caller),
    }
}

#[cold]
fn first_use(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    match caller.get_export(KERNEL_MEMORY_EXPORT) {
        Some(Extern::Memory(memory)) => {
            adopt(caller, memory);
            Ok(memory)
        }
        _ => Err(Error::new(Status::Internal, "the plug-in has no kernel memory").into()),
    }
}

/// Makes this the plug-in's kernel memory.
pub(crate) fn adopt(mut cx: impl AsContextMut<Data = State>, memory: Memory) {
    let bytes = memory.data_size(&cx) as u64;
    let mut cx = cx.as_context_mut();
    let state = cx.data_mut();
    state.memory = Some(memory);
    state.memory_bytes = bytes;
}

/// A block of `bytes` bytes; its contents are whatever was there before.
pub(crate) fn alloc(
    cx: impl AsContextMut<Data = State>,
    memory: Memory,
    bytes: u64,
) -> Result<u64, Refused> {
    place(cx, memory, |kernel, room| kernel.try_alloc(bytes, room))
}

/// Asks the block table for a place; grows the memory and asks once more if that is what it takes.
#[inline]
fn place(
    mut cx: impl AsContextMut<Data = State>,
    memory: Memory,
    ask: impl Fn(&mut Kernel, &mut Room) -> Result<u64, Refused>,
) -> Result<u64, Refused> {
    let ask = |state: &mut State| {
        let mut room = Room {
            bytes: state.memory_bytes,
            wanted: 0,
        };
        (ask(&mut state.kernel, &mut room), room.wanted)
    };
    match ask(cx.as_context_mut().data_mut()) {
        (Err(Refused::Memory), wanted) if wanted > 0 => {
            grow(&mut cx, memory, wanted)?;
            ask(cx.as_context_mut().data_mut()).0
        }
        (placed, _) => placed,
    }
}

/// A new block that holds `data`. Empty data has the handle 0.
pub(crate) fn store(
    mut cx: impl AsContextMut<Data = State>,
    memory: Memory,
    data: &[u8],
) -> Result<u64, Refused> {
    if data.is_empty() {
        return Ok(0);
    }
    let handle = alloc(&mut cx, memory, data.len() as u64)?;
    let range = Range {
        offset: handle,
        length: data.len() as u64,
    };
    match bytes_mut(memory.data_mut(&mut cx), range) {
        Some(block) => {
            block.copy_from_slice(data);
            Ok(handle)
        }
        None => Err(Refused::Memory),
    }
}

/// Starts a call: forgets the blocks of the last one, copies the input into the first block.
#[inline]
pub(crate) fn begin(store: &mut Store<State>, input: &[u8]) -> Result<(), Refused> {
    // Fetched here and not handed in: copied from frame to frame it costs more than it is worth.
    let Some(memory) = store.data().memory else {
        return Err(Refused::Memory);
    };
    let length = input.len() as u64;
    // After one huge call; not between two of them.
    if store.data().kernel.high_water() > KEEP_BYTES && length <= KEEP_BYTES / 2 {
        give_back(&mut *store, memory);
    }
    let handle = place(&mut *store, memory, |kernel, room| {
        kernel.begin(length, room)
    })?;
    let range = Range {
        offset: handle,
        length,
    };
    let data = memory.data_mut(store);
    if length > 0 {
        bytes_mut(data, range)
            .ok_or(Refused::Memory)?
            .copy_from_slice(input);
    }
    publish_input(data, range);
    Ok(())
}

/// Tells rewritten modules where the input is, after anything that may have changed it.
pub(crate) fn input_changed(mut cx: impl AsContextMut<Data = State>, memory: Memory) {
    let input = cx.as_context().data().kernel.input();
    publish_input(memory.data_mut(&mut cx), input);
}

#[inline]
fn publish_input(data: &mut [u8], input: Range) {
    write_cell(data, INPUT_OFFSET_ADDRESS, input.offset);
    write_cell(data, INPUT_LENGTH_ADDRESS, input.length);
}

#[inline]
fn write_cell(data: &mut [u8], address: u64, value: u64) {
    let address = address as usize;
    if let Some(cell) = data.get_mut(address..address + 8) {
        cell.copy_from_slice(&value.to_le_bytes());
    }
}

/// The bytes of a range, if all of it is inside the memory.
#[inline]
pub(crate) fn bytes(data: &[u8], range: Range) -> Option<&[u8]> {
    let (start, end) = bounds(range)?;
    data.get(start..end)
}

/// As [`bytes`], to write to.
#[inline]
pub(crate) fn bytes_mut(data: &mut [u8], range: Range) -> Option<&mut [u8]> {
    let (start, end) = bounds(range)?;
    data.get_mut(start..end)
}

#[inline]
fn bounds(range: Range) -> Option<(usize, usize)> {
    let end = range.offset.checked_add(range.length)?;
    Some((range.offset.try_into().ok()?, end.try_into().ok()?))
}

/// `N` bytes at an address a guest chose; `None` below the first handle or beyond the end.
#[inline]
pub(crate) fn load<const N: usize>(data: &[u8], address: u64) -> Option<[u8; N]> {
    if address < FIRST_HANDLE {
        return None;
    }
    let range = Range {
        offset: address,
        length: N as u64,
    };
    bytes(data, range)?.try_into().ok()
}

/// Writes bytes at an address a guest chose; does nothing below the first handle or beyond the end.
#[inline]
pub(crate) fn save<const N: usize>(data: &mut [u8], address: u64, value: [u8; N]) {
    if address < FIRST_HANDLE {
        return;
    }
    let range = Range {
        offset: address,
        length: N as u64,
    };
    if let Some(block) = bytes_mut(data, range) {
        block.copy_from_slice(&value);
    }
}

/// Overwrites all of kernel memory with zeros and forgets every block. All of it, because a plug-in
/// can store anywhere in it, not only in its blocks.
pub(crate) fn wipe(mut cx: impl AsContextMut<Data = State>, memory: Memory) {
    let data = memory.data_mut(&mut cx);
    let (kept, excess) = data.split_at_mut(data.len().min(KEEP_BYTES as usize));
    kept.fill(0);
    release_pages(excess, Contents::Zero);
    cx.as_context_mut().data_mut().kernel.reset();
    input_changed(&mut cx, memory);
}

/// Hands the pages one huge call used back to the operating system, where it can be told so.
#[cold]
fn give_back(mut cx: impl AsContextMut<Data = State>, memory: Memory) {
    let end = cx.as_context().data().kernel.high_water();
    let data = memory.data_mut(&mut cx);
    let end = usize::try_from(end).unwrap_or(data.len()).min(data.len());
    if let Some(excess) = data.get_mut(KEEP_BYTES as usize..end) {
        release_pages(excess, Contents::Any);
    }
}

/// What released memory has to read as afterwards.
#[derive(Clone, Copy, PartialEq)]
enum Contents {
    Any,
    Zero,
}

#[cfg(target_os = "linux")]
fn release_pages(excess: &mut [u8], contents: Contents) {
    let page = PAGE_BYTES as usize;
    let skip = excess.as_ptr().align_offset(page).min(excess.len());
    let (before, whole) = excess.split_at_mut(skip);
    let (whole, after) = whole.split_at_mut(whole.len() - whole.len() % page);
    if contents == Contents::Zero {
        before.fill(0);
        after.fill(0);
    }
    if whole.is_empty() {
        return;
    }
    // SAFETY: the range is page aligned, lies inside one anonymous private mapping (a linear memory
    // without data segments) that this call has exclusively borrowed, and zeros, which the pages
    // read as afterwards, are valid bytes.
    let refused =
        unsafe { libc::madvise(whole.as_mut_ptr().cast(), whole.len(), libc::MADV_DONTNEED) != 0 };
    if refused && contents == Contents::Zero {
        whole.fill(0);
    }
}

#[cfg(not(target_os = "linux"))]
fn release_pages(excess: &mut [u8], contents: Contents) {
    if contents == Contents::Zero {
        excess.fill(0);
    }
}

/// Grows kernel memory to at least `bytes`, by half as much again where the limits allow.
#[cold]
fn grow(
    mut cx: impl AsContextMut<Data = State>,
    memory: Memory,
    bytes: u64,
) -> Result<(), Refused> {
    let now = memory.data_size(&cx) as u64;
    let needed = pages(bytes.saturating_sub(now));
    let generous = needed.max(pages(now / 2));
    let mut grown = memory.grow(&mut cx, generous);
    if grown.is_err() {
        // The generous amount was a wish of ours; only the needed one may count as refused to the plug-in.
        cx.as_context_mut().data_mut().meter.0.take_memory_refusal();
        grown = memory.grow(&mut cx, needed);
    }
    adopt(&mut cx, memory);
    match grown {
        Ok(_) => Ok(()),
        Err(_) => Err(Refused::Memory),
    }
}

fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_BYTES)
}

/// The size of kernel memory, and the size it would have to have.
struct Room {
    bytes: u64,
    wanted: u64,
}

impl extism_kernel::Memory for Room {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn grow_to(&mut self, bytes: u64) -> bool {
        self.wanted = bytes;
        false
    }
}

/// The status of a refusal, as an error of the running call.
pub(crate) fn refused(refused: Refused) -> Error {
    Error::new(refused.status(), extism_semantics::refusal_text(refused))
}

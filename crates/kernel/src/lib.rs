//! Kernel memory, seen from the host: which blocks exist, where they are, and which ranges are the input, the
//! output and the error of the running call.
//!
//! Must not know: the engine, the bytes themselves, files, time. It sees a memory only as a size
//! that can grow ([`Memory`]), so nothing a plug-in stores there can change what it answers
//! (docs/adr/0003-kernel-memory.md).
//!
//! Invariant: live blocks never overlap, lie inside the memory and are counted exactly, whatever
//! numbers a plug-in passes in. Every operation takes constant expected time.
//!
//! [`Kernel`] is the whole interface; the other modules are its parts:
//! `table` places blocks, `blocks` holds their records, `bins` finds a free one that is large
//! enough, `index` finds one by its handle, `slots` remembers input, output and error.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)
)]

mod bins;
mod blocks;
mod index;
mod kernel;
mod limits;
mod memory;
mod slots;
mod table;

pub use extism_abi::layout::FIRST_HANDLE;
pub use kernel::Kernel;
pub use limits::{Limits, Refused};
pub use memory::Memory;
pub use slots::Range;

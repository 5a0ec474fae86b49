//! What the first bytes of kernel memory hold, and the names the rewriting pass reserves.
//!
//! The host writes these cells and never reads them back: a plug-in cannot reach them (no kernel
//! function answers for an address below [`FIRST_HANDLE`]), and nothing on the host depends on
//! them.

/// Size of a Wasm page in bytes.
pub const PAGE_BYTES: u64 = 65_536;

/// The lowest handle there is. Below it loads answer 0 and stores do nothing.
pub const FIRST_HANDLE: u64 = 64;

/// Address of the input's handle, a little-endian u64. Rewritten modules read it in place of
/// calling `input_offset`.
pub const INPUT_OFFSET_ADDRESS: u64 = 8;

/// Address of the input's length in bytes, a little-endian u64.
pub const INPUT_LENGTH_ADDRESS: u64 = 16;

/// Address of how many bytes memories may still grow by, a little-endian u64. Where an engine has no
/// limiter of its own, rewritten modules read it before they grow a memory, and write it after. It is
/// the one cell the host reads, too: only rewritten instructions can have written it.
pub const MEMORY_LEFT_ADDRESS: u64 = 24;

/// Address of a little-endian u64 that is not 0 once such growth was refused.
pub const MEMORY_REFUSED_ADDRESS: u64 = 32;

/// As [`MEMORY_LEFT_ADDRESS`], for how many elements tables may still grow by.
pub const TABLE_LEFT_ADDRESS: u64 = 40;

/// Name under which a rewritten module exports the function of its start section, for the host to call.
pub const START_EXPORT: &str = "extism:kernel/start";

/// Module and field under which a rewritten module of several imports kernel memory.
pub const KERNEL_MEMORY_IMPORT: (&str, &str) = ("extism:kernel", "memory");

/// Name under which a rewritten module exports the kernel memory it defines.
pub const KERNEL_MEMORY_EXPORT: &str = "extism:kernel/memory";

/// Guest function `(handle: i64, destination: i32, length: i32)`: copies out of kernel memory.
pub const BULK_LOAD_EXPORT: &str = "__extism_bulk_load";

/// Guest function `(handle: i64, source: i32, length: i32)`: copies into kernel memory.
pub const BULK_STORE_EXPORT: &str = "__extism_bulk_store";

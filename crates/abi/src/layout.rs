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

/// Module and field under which a rewritten module of several imports kernel memory.
pub const KERNEL_MEMORY_IMPORT: (&str, &str) = ("extism:kernel", "memory");

/// Name under which a rewritten module exports the kernel memory it defines.
pub const KERNEL_MEMORY_EXPORT: &str = "extism:kernel/memory";

/// Guest function `(handle: i64, destination: i32, length: i32)`: copies out of kernel memory.
pub const BULK_LOAD_EXPORT: &str = "__extism_bulk_load";

/// Guest function `(handle: i64, source: i32, length: i32)`: copies into kernel memory.
pub const BULK_STORE_EXPORT: &str = "__extism_bulk_store";

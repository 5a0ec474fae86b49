//! Kernel memory as a plug-in meets it: bytes in a Wasm memory, the block table on the host.

pub(crate) mod imports;
pub(crate) mod memory;

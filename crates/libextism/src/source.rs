//! Manifests that give a module as a pointer into this process.
//!
//! Invariant: a pointer in a manifest is followed only where the caller vouched for the manifest,
//! as the published functions have it do.

use extism_runtime::{CompiledPlugin, Error, Loader, Options};

/// Compiles a plug-in whose manifest may contain pointers.
///
/// # Safety
/// If `wasm` is a manifest with `data: {ptr, len}`, there are so many readable bytes.
pub(crate) unsafe fn compile_trusted(
    wasm: &[u8],
    options: Options,
) -> Result<CompiledPlugin, Error> {
    let loader = Loader {
        // SAFETY: as the caller says.
        read_pointer: Some(&|address, length| unsafe { read(address, length) }),
        ..Loader::default()
    };
    loader.load(wasm, options)
}

/// Copies bytes of this process.
///
/// # Safety
/// There are `length` readable bytes at `address`.
unsafe fn read(address: u64, length: u64) -> Result<Vec<u8>, String> {
    let address = usize::try_from(address).map_err(|_| "the address is too large")?;
    if address == 0 && length > 0 {
        return Err("the address is NULL".to_owned());
    }
    let length = crate::ffi::size(length).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|error| error.to_string())?;
    if length > 0 {
        let from = std::ptr::with_exposed_provenance::<u8>(address);
        // SAFETY: as the caller says.
        bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(from, length) });
    }
    Ok(bytes)
}

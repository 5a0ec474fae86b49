//! Copies between the plug-in's memory and blocks of the host.
//!
//! Must not know: what is copied. Invariant: on Wasm every copy goes through the two exported functions,
//! which are plain loops over the imports on any host and which a runtime that knows their names replaces
//! by one instruction.

/// Copies from the block at `handle` into `data`.
pub(crate) fn load(handle: u64, data: &mut [u8]) {
    if data.is_empty() {
        return;
    }
    #[cfg(target_family = "wasm")]
    // SAFETY: the pointer and the length are those of an exclusive slice.
    unsafe {
        wasm::load(handle as i64, data.as_mut_ptr() as i32, data.len() as i32);
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with_host(|host| host.load(handle, data));
}

/// The first `length` bytes of the block at `handle`. They are not cleared before they are written.
pub(crate) fn load_vec(handle: u64, length: usize) -> Vec<u8> {
    #[cfg(target_family = "wasm")]
    {
        let mut bytes = Vec::<u8>::with_capacity(length);
        // SAFETY: the capacity is at least `length`, and all of it is written: a byte that the host
        // does not have reads as 0.
        unsafe {
            wasm::load(handle as i64, bytes.as_mut_ptr() as i32, length as i32);
            bytes.set_len(length);
        }
        bytes
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let mut bytes = vec![0; length];
        load(handle, &mut bytes);
        bytes
    }
}

/// Copies `data` into the block at `handle`.
pub(crate) fn store(handle: u64, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    #[cfg(target_family = "wasm")]
    // SAFETY: the pointer and the length are those of a slice.
    unsafe {
        wasm::store(handle as i64, data.as_ptr() as i32, data.len() as i32);
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with_host(|host| host.store(handle, data));
}

#[cfg(target_family = "wasm")]
mod wasm {
    use crate::extism::{load_u8, load_u64, store_u8, store_u64};

    /// Copies `length` bytes of kernel memory at `handle` to `destination`.
    ///
    /// # Safety
    ///
    /// `destination` must be writable for `length` bytes.
    #[inline(never)]
    #[unsafe(export_name = "__extism_bulk_load")]
    pub(super) unsafe extern "C" fn load(handle: i64, destination: i32, length: i32) {
        let (handle, destination, length) =
            (handle as u64, destination as *mut u8, length as usize);
        let words = length & !7;
        let mut at = 0;
        while at < words {
            // SAFETY: at + 8 <= length, and the caller vouches for `length` bytes.
            unsafe {
                destination
                    .add(at)
                    .cast::<u64>()
                    .write_unaligned(load_u64(handle + at as u64))
            };
            at += 8;
        }
        while at < length {
            // SAFETY: at < length, and the caller vouches for `length` bytes.
            unsafe { destination.add(at).write(load_u8(handle + at as u64)) };
            at += 1;
        }
    }

    /// Copies `length` bytes at `source` to kernel memory at `handle`.
    ///
    /// # Safety
    ///
    /// `source` must be readable for `length` bytes.
    #[inline(never)]
    #[unsafe(export_name = "__extism_bulk_store")]
    pub(super) unsafe extern "C" fn store(handle: i64, source: i32, length: i32) {
        let (handle, source, length) = (handle as u64, source as *const u8, length as usize);
        let words = length & !7;
        let mut at = 0;
        while at < words {
            // SAFETY: at + 8 <= length, and the caller vouches for `length` bytes.
            unsafe {
                store_u64(
                    handle + at as u64,
                    source.add(at).cast::<u64>().read_unaligned(),
                )
            };
            at += 8;
        }
        while at < length {
            // SAFETY: at < length, and the caller vouches for `length` bytes.
            unsafe { store_u8(handle + at as u64, source.add(at).read()) };
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use extism_abi::layout::{BULK_LOAD_EXPORT, BULK_STORE_EXPORT};

    #[test]
    fn the_exports_have_the_reserved_names() {
        let source = include_str!("bulk.rs");
        for name in [BULK_LOAD_EXPORT, BULK_STORE_EXPORT] {
            assert_eq!(
                source.matches(&format!("export_name = \"{name}\"")).count(),
                1
            );
        }
    }
}

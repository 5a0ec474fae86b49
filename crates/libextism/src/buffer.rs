//! Bytes the caller owns.

use std::ptr;

use crate::ffi::{Kind, Object};

/// Bytes the caller owns until it frees them.
pub type ExtismBuffer = Object<Vec<u8>>;

impl Kind for Vec<u8> {
    const TAG: u64 = u64::from_be_bytes(*b"ext-buf.");
}

/// Where the bytes are; never NULL for a live buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_buffer_data(buffer: *const ExtismBuffer) -> *const u8 {
    boundary!(extism_buffer_data, ptr::null(), {
        // SAFETY: the caller passes NULL or a live buffer.
        unsafe { Object::get(buffer) }.map_or(ptr::null(), |bytes| readable(bytes))
    })
}

/// How many bytes there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_buffer_length(buffer: *const ExtismBuffer) -> u64 {
    boundary!(extism_buffer_length, 0, {
        // SAFETY: the caller passes NULL or a live buffer.
        unsafe { Object::get(buffer) }.map_or(0, |bytes| bytes.len() as u64)
    })
}

/// Frees a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_buffer_free(buffer: *mut ExtismBuffer) {
    boundary!(extism_buffer_free, (), {
        // SAFETY: the caller passes NULL or a buffer it does not use any more.
        drop(unsafe { Object::take(buffer) });
    })
}

/// Where bytes are, as an address that can be read from even if there are none.
pub(crate) fn readable(bytes: &[u8]) -> *const u8 {
    static NOTHING: u8 = 0;
    if bytes.is_empty() {
        return &raw const NOTHING;
    }
    bytes.as_ptr()
}

//! Bytes the caller owns.

use std::ptr;

use extism_runtime::{Error, Status};

use crate::error::status_of;
use crate::ffi::{self, Kind, Object};
use crate::status::ExtismStatus;

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

/// Gives C a buffer of what `read` answers, NULL for nothing.
///
/// # Safety
/// `out` is NULL or writable.
pub(crate) unsafe fn give(
    out: *mut *mut ExtismBuffer,
    read: impl FnOnce() -> Result<Option<Vec<u8>>, Error>,
) -> ExtismStatus {
    // SAFETY: as the caller says.
    unsafe { ffi::set(out, ptr::null_mut()) };
    if out.is_null() {
        return Status::NullArgument.code();
    }
    let given = read().map(|bytes| {
        if let Some(bytes) = bytes {
            // SAFETY: `out` is writable.
            unsafe { ffi::set(out, Object::into_raw(bytes)) };
        }
    });
    status_of(&given).code()
}

/// Where bytes are, as an address that can be read from even if there are none.
pub(crate) fn readable(bytes: &[u8]) -> *const u8 {
    static NOTHING: u8 = 0;
    if bytes.is_empty() {
        return &raw const NOTHING;
    }
    bytes.as_ptr()
}

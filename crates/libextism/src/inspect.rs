//! What a plug-in imports, exports and asks for, without running it.

use extism_runtime::inspect;

use crate::buffer::ExtismBuffer;
use crate::error::{self, ExtismError};
use crate::ffi;
use crate::options::{ExtismOptions, Request};
use crate::status::ExtismStatus;

/// Describes a plug-in in JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_inspect(
    options: *const ExtismOptions,
    wasm: *const u8,
    wasm_size: u64,
    out: *mut *mut ExtismBuffer,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_inspect, unsafe { error::panicked(error) }, {
        // SAFETY: the arguments are the caller's.
        unsafe {
            error::make(out, error, || {
                let wasm = ffi::bytes(wasm, wasm_size)?;
                let inspection = Request::read(options)?.with(|options| inspect(wasm, options))?;
                Ok(inspection.to_json().into_bytes())
            })
        }
    })
}

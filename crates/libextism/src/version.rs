//! Which library this is.

use std::ffi::{CStr, c_char};

/// Goes up by one with every change of the C functions that this library adds to the published
/// ones, and only ever adds.
const ABI_VERSION: u32 = 1;

/// The version of the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    boundary!(extism_version, c"".as_ptr(), VERSION.as_ptr())
}

/// The number of the interface: which of the functions of extism.h are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_abi_version() -> u32 {
    boundary!(extism_abi_version, 0, ABI_VERSION)
}

//! A plug-in compiled once, and compiled code as a file.

use extism_runtime::{CompiledPlugin, Error, precompile};

use crate::buffer::ExtismBuffer;
use crate::error::{self, ExtismError};
use crate::ffi::{self, Kind, Object};
use crate::options::{ExtismOptions, Request};
use crate::status::ExtismStatus;

/// A compiled plug-in.
pub type ExtismCompiledPlugin = Object<CompiledPlugin>;

impl Kind for CompiledPlugin {
    const TAG: u64 = u64::from_be_bytes(*b"ext-comp");
}

/// The compiled plug-in behind a pointer, kept alive by the caller: what runs when a plug-in is made may free
/// it.
///
/// # Safety
/// NULL or a live compiled plug-in.
pub(crate) unsafe fn held(compiled: *const ExtismCompiledPlugin) -> Result<CompiledPlugin, Error> {
    // SAFETY: as the caller says.
    unsafe { Object::get(compiled) }
        .cloned()
        .ok_or_else(|| ffi::null("compiled plugin"))
}

/// Compiles a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_compile(
    options: *const ExtismOptions,
    wasm: *const u8,
    wasm_size: u64,
    out: *mut *mut ExtismCompiledPlugin,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_compile, unsafe { error::panicked(error) }, {
        // SAFETY: the arguments are the caller's.
        unsafe {
            error::make(out, error, || {
                let wasm = ffi::bytes(wasm, wasm_size)?;
                Request::read(options)?.compile(wasm)
            })
        }
    })
}

/// Frees a compiled plug-in; plug-ins made from it live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_compiled_plugin_free(plugin: *mut ExtismCompiledPlugin) {
    boundary!(extism_compiled_plugin_free, (), {
        // SAFETY: the caller passes NULL or a compiled plug-in it does not use any more.
        drop(unsafe { Object::take(plugin) });
    })
}

/// Compiles a module into an artefact that carries its machine code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_precompile(
    options: *const ExtismOptions,
    wasm: *const u8,
    wasm_size: u64,
    out: *mut *mut ExtismBuffer,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_precompile, unsafe { error::panicked(error) }, {
        // SAFETY: the arguments are the caller's.
        unsafe {
            error::make(out, error, || {
                let wasm = ffi::bytes(wasm, wasm_size)?;
                Request::read(options)?.with(|options| precompile(wasm, options))
            })
        }
    })
}

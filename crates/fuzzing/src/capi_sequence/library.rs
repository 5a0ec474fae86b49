//! The functions of include/extism.h, declared as a C compiler sees them, and what a C program does with the
//! pointers it gets.
//!
//! Must not know: what a call should answer. Invariant: what is passed to these functions comes from the
//! tables of `World` (live objects, NULL, objects of another kind) or lives longer than the call, and
//! lengths are those of what is pointed to, or such that no object can have them. The functions are safe
//! to call under that alone, and no other module calls them with anything else.

use std::ffi::{CStr, c_char, c_void};

// The C library: it is linked because of this, and the functions are found by their names.
use extism as _;

/// Any object of the library.
pub(super) type Object = *mut c_void;
pub(super) type Text = *const c_char;
pub(super) type Bytes = *const u8;
pub(super) type Release = Option<extern "C" fn(*mut c_void)>;
pub(super) type Function = extern "C" fn(Object, *const Value, u64, *mut Value, u64, *mut c_void);
pub(super) type Sink = extern "C" fn(*mut c_void, Bytes, u32, Text, u64);
pub(super) type Drain = extern "C" fn(Text, u64);

pub(super) const NULL: Object = std::ptr::null_mut();

/// The types of values.
pub(super) const I32: u32 = 0;
pub(super) const I64: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) ty: u32,
    pub(super) bits: u64,
}

#[repr(C)]
pub(super) struct Options {
    pub(super) size: u64,
    pub(super) flags: u64,
    pub(super) functions: *mut Object,
    pub(super) n_functions: u64,
    pub(super) limits: *const Numbers,
    pub(super) fuel: u64,
    pub(super) fuel_for_start: u64,
    pub(super) cache_config: Text,
    pub(super) wasi_args: *const Text,
    pub(super) n_wasi_args: u64,
    pub(super) wasi_env: *const Text,
    pub(super) n_wasi_env: u64,
    pub(super) log_level: u64,
    pub(super) log_sink: Option<Sink>,
    pub(super) log_user_data: *mut c_void,
    pub(super) free_log_user_data: Release,
    /// What a later version of the header may have.
    pub(super) more: [u64; 2],
}

/// A struct of numbers, the first of them its size, with room for later versions.
pub(super) type Numbers = [u64; 40];

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $ty:ty),*) $(-> $returns:ty)?;)*) => {
        mod declared {
            use super::*;

            unsafe extern "C" {
                $(pub(super) fn $name($($argument: $ty),*) $(-> $returns)?;)*
            }
        }

        $(
            #[allow(clippy::too_many_arguments, reason = "as many as the header has")]
            pub(super) fn $name($($argument: $ty),*) $(-> $returns)? {
                // SAFETY: the invariant of this module.
                unsafe { declared::$name($($argument),*) }
            }
        )*

        /// The names of all of them.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

functions! {
    fn extism_status_name(status: u32) -> Text;
    fn extism_status_description(status: u32) -> Text;
    fn extism_error_status(error: Object) -> u32;
    fn extism_error_guest_code(error: Object) -> i32;
    fn extism_error_message(error: Object) -> Text;
    fn extism_error_report(error: Object) -> Text;
    fn extism_error_free(error: Object);
    fn extism_function_new(name: Text, inputs: *const u32, n_inputs: u64, outputs: *const u32, n_outputs: u64,
        function: Option<Function>, data: *mut c_void, release: Release) -> Object;
    fn extism_function_free(function: Object);
    fn extism_function_set_namespace(function: Object, namespace: Text);
    fn extism_current_plugin_host_context(current: Object) -> *mut c_void;
    fn extism_current_plugin_memory(current: Object) -> *mut u8;
    fn extism_current_plugin_memory_alloc(current: Object, bytes: u64) -> u64;
    fn extism_current_plugin_memory_length(current: Object, handle: u64) -> u64;
    fn extism_current_plugin_memory_free(current: Object, handle: u64);
    fn extism_current_plugin_memory_block(current: Object, handle: u64, length: *mut u64) -> *mut u8;
    fn extism_current_plugin_fail(current: Object, message: Bytes, length: u64) -> u32;
    fn extism_current_plugin_must_stop(current: Object) -> bool;
    fn extism_current_plugin_time_remaining_ms(current: Object) -> u64;
    fn extism_current_plugin_id(current: Object, id: *mut u8) -> u32;
    fn extism_current_plugin_set_error(current: Object, message: Bytes, length: u64) -> u32;
    fn extism_current_plugin_var_get(current: Object, name: Bytes, name_len: u64, out: *mut Object)
        -> u32;
    fn extism_current_plugin_var_set(current: Object, name: Bytes, name_len: u64, data: Bytes,
        data_len: u64) -> u32;
    fn extism_current_plugin_var_remove(current: Object, name: Bytes, name_len: u64) -> u32;
    fn extism_limits_default(limits: *mut Numbers) -> u32;
    fn extism_limits_untrusted(limits: *mut Numbers) -> u32;
    fn extism_compile(options: *const Options, wasm: Bytes, size: u64, out: *mut Object,
        error: *mut Object) -> u32;
    fn extism_compiled_plugin_new(wasm: Bytes, size: u64, functions: *mut Object, n_functions: u64,
        wasi: bool,
        text: *mut Object) -> Object;
    fn extism_compiled_plugin_new_with_fuel_limit(wasm: Bytes, size: u64, functions: *mut Object,
        n_functions: u64,
        wasi: bool, fuel: u64, text: *mut Object) -> Object;
    fn extism_compiled_plugin_free(compiled: Object);
    fn extism_precompile(options: *const Options, wasm: Bytes, size: u64, out: *mut Object,
        error: *mut Object) -> u32;
    fn extism_inspect(options: *const Options, wasm: Bytes, size: u64, out: *mut Object,
        error: *mut Object) -> u32;
    fn extism_plugin_create(compiled: Object, out: *mut Object, error: *mut Object) -> u32;
    fn extism_plugin_new(wasm: Bytes, size: u64, functions: *mut Object, n_functions: u64, wasi: bool,
        text: *mut Object) -> Object;
    fn extism_plugin_new_with_fuel_limit(wasm: Bytes, size: u64, functions: *mut Object,
        n_functions: u64, wasi: bool,
        fuel: u64, text: *mut Object) -> Object;
    fn extism_plugin_new_from_compiled(compiled: Object, text: *mut Object) -> Object;
    fn extism_plugin_new_error_free(text: Object);
    fn extism_plugin_free(plugin: Object);
    fn extism_plugin_id(plugin: Object) -> Bytes;
    fn extism_plugin_call(plugin: Object, name: Text, data: Bytes, length: u64) -> i32;
    fn extism_plugin_call_with_host_context(plugin: Object, name: Text, data: Bytes, length: u64,
        context: *mut c_void) -> i32;
    fn extism_plugin_try_call(plugin: Object, name: Bytes, name_length: u64, data: Bytes, length: u64,
        context: *mut c_void, code: *mut i32, error: *mut Object) -> u32;
    fn extism_plugin_error(plugin: Object) -> Text;
    fn extism_error(plugin: Object) -> Text;
    fn extism_plugin_status(plugin: Object) -> u32;
    fn extism_plugin_guest_code(plugin: Object) -> i32;
    fn extism_plugin_output_length(plugin: Object) -> u64;
    fn extism_plugin_output_data(plugin: Object) -> Bytes;
    fn extism_plugin_config(plugin: Object, json: Bytes, length: u64) -> bool;
    fn extism_plugin_function_exists(plugin: Object, name: Text) -> bool;
    fn extism_plugin_allow_http_response_headers(plugin: Object);
    fn extism_plugin_reset(plugin: Object) -> bool;
    fn extism_plugin_renew(plugin: Object, error: *mut Object) -> u32;
    fn extism_plugin_fuel_consumed(plugin: Object, fuel: *mut u64) -> bool;
    fn extism_plugin_var_get(plugin: Object, name: Bytes, name_length: u64, out: *mut Object) -> u32;
    fn extism_plugin_var_set(plugin: Object, name: Bytes, name_length: u64, data: Bytes, length: u64) -> u32;
    fn extism_plugin_var_remove(plugin: Object, name: Bytes, name_length: u64) -> u32;
    fn extism_plugin_set_log_sink(plugin: Object, level: u32, sink: Option<Sink>, data: *mut c_void,
        release: Release) -> u32;
    fn extism_plugin_cancel_handle(plugin: Object) -> Object;
    fn extism_plugin_cancel(handle: Object) -> bool;
    fn extism_cancel_handle_clone(handle: Object) -> Object;
    fn extism_cancel_handle_free(handle: Object);
    fn extism_context_new() -> Object;
    fn extism_context_free(context: Object);
    fn extism_context_reset(context: Object);
    fn extism_context_plugin_new(context: Object, wasm: Bytes, size: u64, functions: *mut Object,
        n_functions: u64,
        wasi: bool) -> i32;
    fn extism_context_plugin_update(context: Object, plugin: i32, wasm: Bytes, size: u64,
        functions: *mut Object,
        n_functions: u64, wasi: bool) -> bool;
    fn extism_context_plugin_create(context: Object, compiled: Object, out: *mut i32,
        error: *mut Object) -> u32;
    fn extism_context_plugin_replace(context: Object, plugin: i32, compiled: Object,
        error: *mut Object) -> u32;
    fn extism_context_plugin_insert(context: Object, plugin: Object, out: *mut i32,
        error: *mut Object) -> u32;
    fn extism_context_plugin_free(context: Object, plugin: i32);
    fn extism_context_plugin_config(context: Object, plugin: i32, json: Bytes, length: u64) -> bool;
    fn extism_context_plugin_function_exists(context: Object, plugin: i32, name: Text) -> bool;
    fn extism_context_plugin_call(context: Object, plugin: i32, name: Text, data: Bytes, length: u64,
        host_context: *mut c_void) -> i32;
    fn extism_context_error(context: Object, plugin: i32) -> Text;
    fn extism_context_status(context: Object, plugin: i32) -> u32;
    fn extism_context_plugin_output_length(context: Object, plugin: i32) -> u64;
    fn extism_context_plugin_output_data(context: Object, plugin: i32) -> Bytes;
    fn extism_context_plugin_output(context: Object, plugin: i32, out: *mut Object) -> u32;
    fn extism_context_plugin_cancel_handle(context: Object, plugin: i32) -> Object;
    fn extism_pool_new(compiled: Object, options: *const Numbers, out: *mut Object,
        error: *mut Object) -> u32;
    fn extism_pool_get(pool: Object, timeout_ms: u64, out: *mut Object, error: *mut Object) -> u32;
    fn extism_pool_stats(pool: Object, stats: *mut Numbers) -> u32;
    fn extism_pool_free(pool: Object);
    fn extism_buffer_data(buffer: Object) -> Bytes;
    fn extism_buffer_length(buffer: Object) -> u64;
    fn extism_buffer_free(buffer: Object);
    fn extism_log_file(filename: Text, level: Text) -> bool;
    fn extism_log_custom(level: Text) -> bool;
    fn extism_log_drain(handler: Option<Drain>);
    fn extism_version() -> Text;
    fn extism_abi_version() -> u32;
    fn extism_stats(stats: *mut Numbers) -> u32;
}

/// A copy of bytes the library points to.
pub(super) fn bytes_at(data: Bytes, length: u64) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    assert!(!data.is_null(), "{length} bytes at NULL");
    // SAFETY: the header promises so many bytes for as long as the caller reads them here.
    unsafe { std::slice::from_raw_parts(data, length as usize) }.to_vec()
}

/// A copy of a text the library points to.
pub(super) fn text_at(text: Text) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the header promises a text that ends with NUL.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec())
}

/// What a pointer that was handed to the library leads to, in a callback.
pub(super) fn at<'a, T>(pointer: *mut c_void) -> Option<&'a T> {
    // SAFETY: NULL, or what `World` passed as the pointer of this type, which outlives the call.
    unsafe { pointer.cast::<T>().cast_const().as_ref() }
}

/// An argument of a host function.
pub(super) fn argument(inputs: *const Value, count: u64) -> Option<Value> {
    if count == 0 {
        return None;
    }
    // SAFETY: the header promises `count` values, which live until the host function returns.
    unsafe { inputs.as_ref() }.copied()
}

/// Sets the only result of a host function.
pub(super) fn answer(outputs: *mut Value, value: Value) {
    // SAFETY: the function was declared with one result, and the header promises its place.
    unsafe { outputs.write(value) };
}

/// Writes to a block of kernel memory as a host function does.
pub(super) fn write(block: *mut u8, bytes: &[u8]) {
    // SAFETY: the header promises as many writable bytes as the block is long, which is at least this.
    unsafe { block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

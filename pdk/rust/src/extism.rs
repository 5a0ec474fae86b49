//! The functions that every host offers, as they are imported: blocks are named by 64-bit handles.
//!
//! Must not know: Rust values. Invariant: nothing here is more than the import, except [`load`], [`store`]
//! and [`load_input`], which copy whole slices.

/// Declares the imports, and beside them the same functions against the host of `testing` where there is no
/// Wasm.
macro_rules! imports {
    ($($(#[$doc:meta])* fn $name:ident($($parameter:ident: $ty:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(target_family = "wasm")]
        #[link(wasm_import_module = "extism:host/env")]
        unsafe extern "C" {
            $($(#[$doc])* pub fn $name($($parameter: $ty),*) $(-> $result)?;)*
        }

        $(
            $(#[$doc])*
            ///
            /// # Safety
            ///
            /// Nothing to uphold here; on Wasm it is an import, and those are unsafe to call.
            #[cfg(not(target_family = "wasm"))]
            pub unsafe fn $name($($parameter: $ty),*) $(-> $result)? {
                native!($name($($parameter),*))
            }
        )*
    };
}

/// What stands in for an import: the host's method of that name, but for the one that calls the test's own
/// function, which may use the host in turn.
#[cfg(not(target_family = "wasm"))]
macro_rules! native {
    (http_request $given:tt) => { crate::testing::http_request $given };
    ($name:ident $given:tt) => { crate::testing::with_host(|host| host.$name $given) };
}

imports! {
    /// Allocates a block of so many bytes; 0 if there is no memory for it, or for 0 bytes.
    fn alloc(length: u64) -> u64;
    /// Frees a block.
    fn free(handle: u64);
    /// Length of a block in bytes, 0 if there is no such block.
    fn length(handle: u64) -> u64;
    /// Length of a block in bytes, for a handle known to be one.
    fn length_unsafe(handle: u64) -> u64;
    /// One byte of a block, 0 outside memory.
    fn load_u8(handle: u64) -> u8;
    /// Eight bytes of a block, little-endian, 0 outside memory.
    fn load_u64(handle: u64) -> u64;
    /// Stores one byte.
    fn store_u8(handle: u64, byte: u8);
    /// Stores eight bytes, little-endian.
    fn store_u64(handle: u64, word: u64);
    /// Length of the input in bytes.
    fn input_length() -> u64;
    /// The block that holds the input, 0 if it is empty.
    fn input_offset() -> u64;
    /// One byte of the input, 0 outside it.
    fn input_load_u8(offset: u64) -> u8;
    /// Eight bytes of the input, 0 unless all eight are inside it.
    fn input_load_u64(offset: u64) -> u64;
    /// Makes so many bytes at a handle the output.
    fn output_set(handle: u64, length: u64);
    /// Makes a block the error text; 0 for no error.
    fn error_set(handle: u64);
    /// The config value for the key in a block, which is freed; 0 if there is none.
    fn config_get(key: u64) -> u64;
    /// A copy of the variable for the key in a block, which is freed; 0 if there is none.
    fn var_get(key: u64) -> u64;
    /// Sets the variable for a key, both blocks are freed; a value of 0 removes it.
    fn var_set(key: u64, value: u64);
    /// Sends the request described by a block of JSON with a body or 0, both are freed; gives the
    /// response's body.
    fn http_request(request: u64, body: u64) -> u64;
    /// The status code of the last response.
    fn http_status_code() -> i32;
    /// The headers of the last response as a block of JSON, 0 if the host does not give them.
    fn http_headers() -> u64;
    /// Logs a block, which is freed, as information.
    fn log_info(message: u64);
    /// Logs a block, which is freed, for debugging.
    fn log_debug(message: u64);
    /// Logs a block, which is freed, as a warning.
    fn log_warn(message: u64);
    /// Logs a block, which is freed, as an error.
    fn log_error(message: u64);
    /// Logs a block, which is freed, as a trace.
    fn log_trace(message: u64);
    /// The lowest level that is logged; `i32::MAX` if none is.
    fn get_log_level() -> i32;
}

/// Copies from the block at `handle` into `data`.
///
/// # Safety
///
/// None for memory; what lies outside blocks reads as some bytes.
pub unsafe fn load(handle: u64, data: &mut [u8]) {
    crate::bulk::load(handle, data);
}

/// Copies `data` into the block at `handle`.
///
/// # Safety
///
/// There must be a block with room for it, or other blocks of this plug-in are overwritten.
pub unsafe fn store(handle: u64, data: &[u8]) {
    crate::bulk::store(handle, data);
}

/// The bytes the host called with.
///
/// # Safety
///
/// None for memory. [`input_bytes`](crate::input_bytes) is the same as a safe function.
pub unsafe fn load_input() -> Vec<u8> {
    crate::input_bytes()
}

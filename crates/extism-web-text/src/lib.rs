//! Texts that people write, for the browser SDK: modules in the text format, manifests in TOML. A page
//! loads this when the first one comes; the core (`extism-web`) does without it.
//!
//! Must not know: what a module or a manifest is for. Keeps: a fault is the one the native library
//! reports, as a number in [`status`] and a text.

use std::cell::{Cell, RefCell};

use extism_abi::Status;
use extism_manifest::{Manifest, ParseOptions};

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATUS: Cell<u32> = const { Cell::new(0) };
}

/// Makes room for so many bytes; the page writes a text there.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: u32) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.resize(length as usize, 0);
        bytes.as_mut_ptr()
    })
}

/// Where the result is.
#[unsafe(no_mangle)]
extern "C" fn at() -> *const u8 {
    BYTES.with_borrow(|bytes| bytes.as_ptr())
}

/// How many bytes it has.
#[unsafe(no_mangle)]
extern "C" fn length() -> u32 {
    BYTES.with_borrow(|bytes| bytes.len() as u32)
}

/// The status of the fault that was left in place of a result; 0 if there is a result.
#[unsafe(no_mangle)]
extern "C" fn status() -> u32 {
    STATUS.get()
}

/// Turns a module in the text format into a binary one.
#[unsafe(no_mangle)]
extern "C" fn module() {
    let text = BYTES.take();
    let parsed = wat::parse_bytes(&text).map(|binary| binary.into_owned());
    leave(parsed.map_err(|error| (Status::ModuleInvalid, error.to_string())));
}

/// Turns a manifest in JSON or TOML into one in JSON. Modules that the page has stay numbers.
#[unsafe(no_mangle)]
extern "C" fn manifest() {
    let text = BYTES.take();
    let options = ParseOptions::default();
    let parsed = Manifest::parse(&text, &options)
        .map_err(|error| (error.status(), error.to_string()))
        .map(|manifest| serde_json::to_vec(&manifest).unwrap_or_default());
    leave(parsed);
}

fn leave(result: Result<Vec<u8>, (Status, String)>) {
    let (status, bytes) = match result {
        Ok(bytes) => (Status::Ok, bytes),
        Err((status, text)) => (status, text.into_bytes()),
    };
    STATUS.set(status.code());
    BYTES.set(bytes);
}

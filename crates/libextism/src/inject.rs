//! Makes an exported function panic, once, when a test asks for it.
//!
//! Only with the feature `inject-panic`, which no release has. Invariant: a panic hits the function
//! that was named, on the thread that asked, and is used up by it.

use std::cell::Cell;
use std::ffi::{CStr, c_char};

thread_local! {
    static WANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    static ARMED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The next call of the exported `function` on this thread panics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_test_panic_in(function: *const c_char) {
    // SAFETY: a test passes a literal.
    let name = unsafe { CStr::from_ptr(function) }
        .to_str()
        .unwrap_or_default();
    WANTED.set(Some(String::leak(name.to_owned())));
}

/// An exported function begins.
pub(crate) fn begin(function: &'static str) {
    if WANTED.get() == Some(function) {
        WANTED.set(None);
        ARMED.set(Some(function));
    }
}

/// Panics if the running exported function was named.
pub(crate) fn fire() {
    if let Some(function) = ARMED.take() {
        panic!("a test wants {function} to panic");
    }
}

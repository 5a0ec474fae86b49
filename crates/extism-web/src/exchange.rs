//! The bytes on their way between page and core: one buffer, which each side reads before the other
//! writes again.
//!
//! Keeps: the page may ask for room while the core asks it something, so nothing holds the buffer over a
//! call of the page.

use std::cell::RefCell;

use crate::fields::Fields;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Larger buffers are given back once they were read.
const KEEP_BYTES: usize = 1 << 20;

/// Makes room for so many bytes; the page writes them there.
pub(crate) fn reserve(length: usize) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.resize(length, 0);
        bytes.as_mut_ptr()
    })
}

/// What the page has written, or the core has left.
pub(crate) fn take() -> Vec<u8> {
    BYTES.take()
}

/// As [`take`], for text; what is no UTF-8 is replaced.
pub(crate) fn take_text() -> String {
    let bytes = take();
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What the page has written, as fields.
pub(crate) fn fields() -> Fields {
    Fields::new(take())
}

/// Leaves bytes for the page.
pub(crate) fn leave(bytes: impl Into<Vec<u8>>) {
    BYTES.set(bytes.into());
}

/// Where the bytes are and how many.
pub(crate) fn place() -> (*const u8, usize) {
    BYTES.with_borrow(|bytes| (bytes.as_ptr(), bytes.len()))
}

/// Forgets the bytes, and their room if it is large.
pub(crate) fn forget() {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.shrink_to(KEEP_BYTES);
    });
}

//! An allocator that has no memory for the nth large piece: for the cases that are about that.
//!
//! Must not know: who allocates. Invariant: while it is not armed it is the system's allocator.
#![allow(unsafe_code, reason = "an allocator is what this is")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What is refused after the pieces that are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The next one alone.
    Once,
    /// All.
    FromThenOn,
}

/// What a thread may have: the servers of a case live in its process, too.
#[derive(Clone, Copy)]
struct Share {
    /// What counts as large; pieces below are not the choice of a plug-in.
    bytes_min: usize,
    /// How many large pieces are still granted.
    granted: u64,
    /// What happens after that.
    refusal: Refusal,
    /// How many were refused.
    refused: u64,
}

const ALL: Share = Share {
    bytes_min: usize::MAX,
    granted: u64::MAX,
    refusal: Refusal::FromThenOn,
    refused: 0,
};

thread_local! {
    static SHARE: Cell<Share> = const { Cell::new(ALL) };
}

struct Failing;

impl Failing {
    /// Whether there is memory for a piece of this size.
    fn grants(&self, bytes: usize) -> bool {
        let mut share = SHARE.get();
        if bytes < share.bytes_min {
            return true;
        }
        let left = share.granted.checked_sub(1);
        share.granted = match (left, share.refusal) {
            (Some(left), _) => left,
            (None, Refusal::Once) => u64::MAX,
            (None, Refusal::FromThenOn) => 0,
        };
        share.refused += u64::from(left.is_none());
        SHARE.set(share);
        left.is_some()
    }
}

// SAFETY: every call is handed on to the system's allocator unchanged, or answered with NULL, which is
// allowed at any time.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.grants(layout.size()) {
            // SAFETY: the caller keeps the contract of `alloc`.
            true => unsafe { System.alloc(layout) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.grants(layout.size()) {
            // SAFETY: the caller keeps the contract of `alloc_zeroed`.
            true => unsafe { System.alloc_zeroed(layout) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        match self.grants(bytes) {
            // SAFETY: the caller keeps the contract of `realloc`.
            true => unsafe { System.realloc(pointer, layout, bytes) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static FAILING: Failing = Failing;

/// Does `work` with memory for so many pieces of at least `bytes_min`, and then not for the next one or for
/// none; says how many were refused to this thread.
pub(crate) fn with_pieces<T>(
    granted: u64,
    refusal: Refusal,
    bytes_min: usize,
    work: impl FnOnce() -> T,
) -> (T, u64) {
    SHARE.set(Share {
        bytes_min,
        granted,
        refusal,
        refused: 0,
    });
    let done = work();
    let Share { refused, .. } = SHARE.replace(ALL);
    (done, refused)
}

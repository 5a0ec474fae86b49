//! How much of the calling thread's own stack is left.
//!
//! Must not know: Wasm. Invariant: what is said to be left is there.

use std::cell::Cell;

thread_local! {
    /// Where this thread's stack ends; 0 until somebody asks.
    static END: Cell<usize> = const { Cell::new(0) };
}

/// Bytes; `None` where the system does not say.
pub(super) fn left() -> Option<usize> {
    let local = 0_u8;
    let here = &raw const local as usize;
    let end = match END.get() {
        0 => system::end()?,
        end => end,
    };
    END.set(end);
    here.checked_sub(end)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::mem::MaybeUninit;

    pub(super) fn end() -> Option<usize> {
        let mut attributes = MaybeUninit::uninit();
        let (mut end, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
        // SAFETY: the attributes are read and destroyed only after the system has written them, and the
        // thread that is asked about is this one.
        let found = unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let stack = libc::pthread_attr_getstack(attributes.as_ptr(), &mut end, &mut size);
            let guarded = libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            stack == 0 && guarded == 0
        };
        // Some systems count the guard as part of the stack.
        found.then(|| (end as usize).saturating_add(guard))
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    pub(super) fn end() -> Option<usize> {
        // SAFETY: the thread that is asked about is this one.
        let (start, size) = unsafe {
            let this = libc::pthread_self();
            (
                libc::pthread_get_stackaddr_np(this),
                libc::pthread_get_stacksize_np(this),
            )
        };
        (start as usize).checked_sub(size)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    pub(super) fn end() -> Option<usize> {
        None
    }
}

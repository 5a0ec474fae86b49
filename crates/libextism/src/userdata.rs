//! A pointer of the caller's that travels with a callback, and how it is released.
//!
//! Invariant: released exactly once, when its last owner is gone, by a thread that is inside of one
//! of our functions.

use std::ffi::c_void;

/// Releases a user data pointer.
pub(crate) type Release = Option<extern "C" fn(*mut c_void)>;

pub(crate) struct UserData {
    pointer: *mut c_void,
    release: Release,
}

// SAFETY: the pointer is only carried; extism.h tells its owner that callbacks and releases may
// come from any thread that uses the plug-in, so whoever passes one vouches for what is behind it.
unsafe impl Send for UserData {}
// SAFETY: as above; several plug-ins made from one compiled plug-in may use it at the same time.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(pointer: *mut c_void, release: Release) -> UserData {
        UserData { pointer, release }
    }

    #[inline]
    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }

    /// Gives the pointer back to its caller: it will not be released here.
    pub(crate) fn disown(mut self) {
        self.release = None;
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(release) = self.release
            && !self.pointer.is_null()
        {
            release(self.pointer);
        }
    }
}

//! The signals that the system sends to a thread whose write fails.
//!
//! Must not know: who writes. Invariant: where a plug-in writes, a reader that is gone or a limit on the size
//! of files ends no process; the plug-in is told by an error number.

/// Keeps them from this thread, for good.
#[cfg(unix)]
pub(super) fn block() {
    use std::mem::MaybeUninit;
    use std::ptr;

    let mut signals = MaybeUninit::uninit();
    // SAFETY: the set is the system's to write, and is made before it is added to and read.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGXFSZ);
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), ptr::null_mut());
    }
}

#[cfg(not(unix))]
pub(super) fn block() {}

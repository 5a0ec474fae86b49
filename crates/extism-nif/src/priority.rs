//! The priority of threads, where the system has such a thing for single threads.
//!
//! Must not know: what the threads do. Invariant: a priority is only ever lowered.

/// The number of the calling thread; 0 where priorities are not for single threads.
#[cfg(target_os = "linux")]
pub(crate) fn thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn thread() -> i32 {
    0
}

/// Gives a thread of this process the lowest priority; true if that was done.
#[cfg(target_os = "linux")]
pub(crate) fn lower(thread: i32) -> bool {
    const LOWEST: i32 = 19;
    // Of a thread, in spite of the name: threads have numbers of their own on this system.
    rustix::process::Pid::from_raw(thread)
        .is_some_and(|thread| rustix::process::setpriority_process(Some(thread), LOWEST).is_ok())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn lower(_thread: i32) -> bool {
    false
}

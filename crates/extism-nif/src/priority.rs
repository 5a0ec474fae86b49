//! The priority of threads, where the system has such a thing for single threads.
//!
//! Must not know: what the threads do. Invariant: a priority is only ever lowered.

/// A thread of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread(
    #[cfg(target_os = "linux")] rustix::process::Pid,
    #[cfg(not(target_os = "linux"))] std::thread::ThreadId,
);

#[cfg(target_os = "linux")]
impl Thread {
    pub(crate) fn current() -> Thread {
        Thread(rustix::thread::gettid())
    }

    /// Gives it the lowest priority; true if that was done.
    pub(crate) fn lower(self) -> bool {
        const LOWEST: i32 = 19;
        // Of a thread, in spite of the name: threads have numbers of their own on this system.
        rustix::process::setpriority_process(Some(self.0), LOWEST).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
impl Thread {
    pub(crate) fn current() -> Thread {
        Thread(std::thread::current().id())
    }

    /// There is no such thing here.
    pub(crate) fn lower(self) -> bool {
        false
    }
}

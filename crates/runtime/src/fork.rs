//! What happens around a fork: a child has the memory of its parent and none of its threads.
//!
//! Must not know: what the threads do. Invariant: whatever rests on a thread of ours asks which generation of
//! processes this is, or is told when a child begins.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many forks lie between this process and the one that was started.
static GENERATION: AtomicUsize = AtomicUsize::new(0);

/// The generation of this process. Forks are counted from the first call of this function on.
pub(crate) fn generation() -> usize {
    handlers::install();
    GENERATION.load(Ordering::Relaxed)
}

#[cfg(unix)]
mod handlers {
    use std::sync::Once;

    use super::{GENERATION, Ordering};
    use crate::call::watchdog;

    pub(super) fn install() {
        // A child has its parent's handlers.
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            // SAFETY: the handlers run on the thread that forks, which gives back the lock that it
            // took; beside that the child only stores to atomics, which is allowed right after fork.
            unsafe {
                libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child));
            }
        });
    }

    extern "C" fn before() {
        watchdog::before_fork();
    }

    extern "C" fn in_parent() {
        watchdog::after_fork();
    }

    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
        watchdog::begin_anew();
        watchdog::after_fork();
    }
}

#[cfg(not(unix))]
mod handlers {
    pub(super) fn install() {}
}

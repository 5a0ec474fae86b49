//! How many threads run the calls of a package. One that waits for the host's answer to a host function does
//! not count as one that works: the host may need another one to come to an answer.
//!
//! Must not know: what threads do. Invariants: there are never more than [`THREADS_MAX`]; nothing is made
//! for a new call while [`WORKING_MAX`] work; counting takes no lock, so that a thread of low priority may
//! do it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::{THREADS_MAX, WORKING_MAX};

/// The threads of a package.
pub struct Crowd {
    threads: AtomicUsize,
    waiting: AtomicUsize,
}

impl Crowd {
    /// Nobody.
    #[expect(clippy::new_without_default, reason = "it is made for statics")]
    pub const fn new() -> Crowd {
        Crowd {
            threads: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A thread is made.
    pub fn add(&self) {
        self.threads.fetch_add(1, Ordering::SeqCst);
    }

    /// A thread has ended, or could not be made.
    pub fn remove(&self) {
        self.threads.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.threads.load(Ordering::SeqCst) == 0
    }

    /// Whether one may be made, for work that ends at once.
    pub fn has_place(&self) -> bool {
        self.threads.load(Ordering::SeqCst) < THREADS_MAX
    }

    /// Whether one may be made, for any work.
    pub fn has_room(&self) -> bool {
        self.has_place() && self.working() < WORKING_MAX
    }

    /// Whether a thread without work has to end: many that waited have gone on.
    pub fn is_too_large(&self) -> bool {
        self.working() > WORKING_MAX
    }

    /// Waits for a host. `make_room` is told if others may have waited for a thread to do so.
    pub fn wait<R>(&self, make_room: impl FnOnce(), wait: impl FnOnce() -> R) -> R {
        struct Waiting<'a>(&'a Crowd);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self);
        // Who finds no room after this has seen that this thread waits.
        if self.threads.load(Ordering::SeqCst) >= WORKING_MAX {
            make_room();
        }
        wait()
    }

    fn working(&self) -> usize {
        // The two are not read at once.
        let waiting = self.waiting.load(Ordering::SeqCst);
        self.threads.load(Ordering::SeqCst).saturating_sub(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn check(threads: usize, waiting: usize, expected: (bool, bool, bool)) {
        let crowd = Crowd::new();
        (0..threads).for_each(|_| crowd.add());
        crowd.waiting.store(waiting, Ordering::SeqCst);
        let found = (crowd.has_place(), crowd.has_room(), crowd.is_too_large());
        assert_eq!(found, expected, "{threads} threads, {waiting} wait");
    }

    #[test]
    fn those_that_wait_do_not_count_up_to_the_bound_of_all() {
        check(0, 0, (true, true, false));
        check(WORKING_MAX - 1, 0, (true, true, false));
        check(WORKING_MAX, 0, (true, false, false));
        check(WORKING_MAX, 1, (true, true, false));
        check(WORKING_MAX + 1, 1, (true, false, false));
        check(WORKING_MAX + 1, 0, (true, false, true));
        check(THREADS_MAX - 1, THREADS_MAX - 1, (true, true, false));
        check(THREADS_MAX, THREADS_MAX, (false, false, false));
    }

    #[test]
    fn room_is_made_when_there_was_none_and_only_while_one_waits() {
        let crowd = Crowd::new();
        let rooms = Cell::new(0);
        let make_room = || rooms.set(rooms.get() + 1);
        crowd.add();
        crowd.wait(make_room, || ());
        assert_eq!(rooms.get(), 0);
        (1..WORKING_MAX).for_each(|_| crowd.add());
        assert!(crowd.wait(make_room, || crowd.has_room()));
        assert_eq!(rooms.get(), 1);
        assert!(!crowd.has_room());
        crowd.remove();
        assert!(crowd.has_room());
    }
}

//! One thread at a time, and never twice: the lock around what a plug-in pointer stands for.
//!
//! Must not know: plug-ins. Invariants: a thread that is inside and comes again is told so instead
//! of waiting for itself; after a panic inside nobody gets in any more; [`Gate::close`] returns
//! when nobody will ever be inside again, or says that the one inside is the caller itself.
//!
//! A lock of its own making because it is on the way of every call: getting in is one exchange, which
//! also says who is inside, and going out is a store, where a mutex needs a second exchange to learn
//! whether somebody waits. So a thread that begins to wait in the very moment another one goes out may
//! be overlooked; those who wait look for themselves, too.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often those who wait look for themselves.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

pub(crate) struct Gate<T> {
    inner: UnsafeCell<T>,
    /// The mark of the thread inside; 0 if there is none.
    owner: AtomicUsize,
    /// How many threads wait to get in.
    waiting: AtomicUsize,
    /// Written by the thread inside.
    closing: AtomicBool,
    /// Written by the thread inside, when it goes out by a panic.
    poisoned: AtomicBool,
    queue: Mutex<()>,
    left: Condvar,
}

// SAFETY: `inner` is reached only through `Inside`, of which there is one at a time: the one whose
// thread exchanged the 0 in `owner` for its mark.
unsafe impl<T: Send> Sync for Gate<T> {}

/// Why a thread did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is inside already.
    Reentrant,
    /// Another thread is inside, and this one did not want to wait.
    Busy,
    /// The gate was closed while it waited.
    Closed,
    /// A panic inside left things in disorder.
    Poisoned,
}

/// Whether to wait for another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Yes,
    No,
}

/// What became of [`Gate::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Nobody is inside, and nobody will be.
    Done,
    /// The calling thread is inside itself; [`Inside::leave`] will say so.
    Deferred,
}

impl<T> Gate<T> {
    pub(crate) fn new(inner: T) -> Gate<T> {
        Gate {
            inner: UnsafeCell::new(inner),
            owner: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            queue: Mutex::new(()),
            left: Condvar::new(),
        }
    }

    /// Gets in.
    #[inline]
    pub(crate) fn enter(&self, wait: Wait) -> Result<Inside<'_, T>, Refused> {
        let mark = mark();
        if let Err(owner) = self.exchange(mark) {
            match wait {
                _ if owner == mark => return Err(Refused::Reentrant),
                Wait::No => return Err(Refused::Busy),
                Wait::Yes => self.queue(mark, true)?,
            }
        }
        let inside = Inside {
            gate: self,
            unwinding: std::thread::panicking(),
        };
        match self.poisoned.load(Ordering::Relaxed) {
            true => Err(Refused::Poisoned),
            false => Ok(inside),
        }
    }

    /// Makes this thread the one inside; answers who is, if somebody is.
    #[inline]
    fn exchange(&self, mark: usize) -> Result<usize, usize> {
        self.owner
            .compare_exchange(0, mark, Ordering::Acquire, Ordering::Relaxed)
    }

    /// Waits until this thread is the one inside, or until the gate is closed.
    #[cold]
    fn queue(&self, mark: usize, heed_closing: bool) -> Result<(), Refused> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut queue = self.lock();
        let entered = loop {
            if self.exchange(mark).is_ok() {
                // Looked at from inside: whoever closes the gate has been inside before.
                match heed_closing && self.closing.load(Ordering::SeqCst) {
                    true => self.owner.store(0, Ordering::Release),
                    false => break Ok(()),
                }
                break Err(Refused::Closed);
            }
            let waited = self.left.wait_timeout(queue, LOOK_INTERVAL);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(queue);
        // The last touch of a thread that is turned away: then `close` may return and the gate be
        // gone.
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        entered
    }

    /// Waits until nobody is inside and turns away those who wait to get in.
    pub(crate) fn close(&self) -> Close {
        let mark = mark();
        match self.exchange(mark) {
            Err(owner) if owner == mark => {
                self.closing.store(true, Ordering::SeqCst);
                return Close::Deferred;
            }
            // It does not heed the closing, so it gets in.
            Err(_) => _ = self.queue(mark, false),
            Ok(_) => {}
        }
        self.closing.store(true, Ordering::SeqCst);
        self.owner.store(0, Ordering::Release);
        while self.waiting.load(Ordering::SeqCst) > 0 {
            self.left.notify_all();
            std::thread::yield_now();
        }
        // Whoever handed over the gate was still holding this when the gate was free.
        drop(self.lock());
        Close::Done
    }

    /// Closes a gate that nobody is inside of; one that somebody is inside of stays open.
    pub(crate) fn close_now(&self) -> Result<(), Refused> {
        self.enter(Wait::No).map(drop)?;
        self.close();
        Ok(())
    }

    /// What is behind the gate, unless a panic left it in disorder.
    pub(crate) fn into_inner(self) -> Result<T, Refused> {
        match self.into_parts() {
            (_, true) => Err(Refused::Poisoned),
            (inner, false) => Ok(inner),
        }
    }

    /// What is behind the gate, and whether a panic left it in disorder.
    pub(crate) fn into_parts(self) -> (T, bool) {
        (self.inner.into_inner(), self.poisoned.into_inner())
    }

    /// Goes out, and wakes one who waits.
    #[cold]
    fn hand_over(&self) {
        let queue = self.lock();
        self.owner.store(0, Ordering::Release);
        self.left.notify_one();
        drop(queue);
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Being inside, until it is dropped.
pub(crate) struct Inside<'a, T> {
    gate: &'a Gate<T>,
    /// Whether the thread was unwinding from a panic already when it came in.
    unwinding: bool,
}

impl<T> Inside<'_, T> {
    /// Goes out; true if the gate was closed meanwhile by this very thread.
    #[inline]
    pub(crate) fn leave(self) -> bool {
        let closing = self.gate.closing.load(Ordering::Relaxed);
        drop(self);
        closing
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            self.gate.poisoned.store(true, Ordering::Relaxed);
        }
        match self.gate.waiting.load(Ordering::Relaxed) {
            // The last touch: whoever closes the gate may be done with it from here on.
            0 => self.gate.owner.store(0, Ordering::Release),
            _ => self.gate.hand_over(),
        }
    }
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only `Inside` there is, and it is borrowed.
        unsafe { &*self.gate.inner.get() }
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only `Inside` there is, and it is borrowed exclusively.
        unsafe { &mut *self.gate.inner.get() }
    }
}

/// A number that no other living thread has.
#[inline]
fn mark() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let gate = Gate::new(1);
        let inside = gate.enter(Wait::Yes).expect("nobody is inside");
        assert_eq!(gate.enter(Wait::Yes).err(), Some(Refused::Reentrant));
        assert_eq!(gate.close(), Close::Deferred);
        assert!(inside.leave(), "it was closed from inside");
    }

    #[test]
    fn another_thread_waits_or_is_told() {
        let gate = Gate::new(0);
        let inside = gate.enter(Wait::Yes).expect("nobody is inside");
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                assert_eq!(gate.enter(Wait::No).err(), Some(Refused::Busy));
                gate.enter(Wait::Yes).is_ok_and(|inside| !inside.leave())
            });
            while gate.waiting.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            assert!(!inside.leave());
            assert!(waiter.join().is_ok_and(|entered| entered));
        });
    }

    #[test]
    fn who_waits_for_a_closed_gate_is_turned_away() {
        let gate = Gate::new(0);
        let inside = gate.enter(Wait::Yes).expect("nobody is inside");
        let both = Barrier::new(2);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                both.wait();
                gate.enter(Wait::Yes).err()
            });
            both.wait();
            while gate.waiting.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            assert_eq!(gate.close(), Close::Deferred);
            assert!(inside.leave());
            assert_eq!(gate.close(), Close::Done);
            assert_eq!(waiter.join().ok().flatten(), Some(Refused::Closed));
        });
    }

    #[test]
    fn nobody_gets_in_after_a_panic() {
        let gate = Gate::new(0);
        let panicked = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _inside = gate.enter(Wait::Yes);
                panic!("on purpose");
            });
            thread.join().is_err()
        });
        assert!(panicked);
        assert_eq!(gate.enter(Wait::Yes).err(), Some(Refused::Poisoned));
        assert_eq!(gate.close(), Close::Done);
    }
}

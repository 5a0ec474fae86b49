//! One thread at a time, and never twice: the lock around what a plug-in pointer stands for.
//!
//! Must not know: plug-ins. Invariants: a thread that is inside and comes again is told so instead
//! of waiting for itself; after a panic inside nobody gets in any more; [`Gate::close`] returns
//! when nobody will ever be inside again, or says that the one inside is the caller itself.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) struct Gate<T> {
    inner: Mutex<T>,
    /// The mark of the thread inside; 0 if there is none.
    owner: AtomicUsize,
    /// How many threads wait to get in.
    waiting: AtomicUsize,
    /// Written by the thread inside, or with nobody inside: read by whoever holds the lock.
    closing: AtomicBool,
}

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
            inner: Mutex::new(inner),
            owner: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        }
    }

    /// Gets in.
    #[inline]
    pub(crate) fn enter(&self, wait: Wait) -> Result<Inside<'_, T>, Refused> {
        let guard = match self.inner.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => self.queue(wait)?,
            Err(TryLockError::Poisoned(_)) => return Err(Refused::Poisoned),
        };
        // Only the thread itself ever compares this with its own mark, so no ordering is needed.
        self.owner.store(mark(), Ordering::Relaxed);
        Ok(Inside { gate: self, guard })
    }

    #[cold]
    fn queue(&self, wait: Wait) -> Result<MutexGuard<'_, T>, Refused> {
        if self.owner.load(Ordering::Relaxed) == mark() {
            return Err(Refused::Reentrant);
        }
        if wait == Wait::No {
            return Err(Refused::Busy);
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let entered = match self.inner.lock() {
            Ok(guard) if !self.closing.load(Ordering::SeqCst) => Ok(guard),
            Ok(_) => Err(Refused::Closed),
            Err(_) => Err(Refused::Poisoned),
        };
        // The last touch of a thread that is turned away: then `close` may return and the gate be
        // gone.
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        entered
    }

    /// Waits until nobody is inside and turns away those who wait to get in.
    pub(crate) fn close(&self) -> Close {
        if self.owner.load(Ordering::Relaxed) == mark() {
            self.closing.store(true, Ordering::SeqCst);
            return Close::Deferred;
        }
        let guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        self.closing.store(true, Ordering::SeqCst);
        drop(guard);
        while self.waiting.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
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
        self.inner.into_inner().map_err(|_| Refused::Poisoned)
    }
}

/// Being inside, until it is dropped.
pub(crate) struct Inside<'a, T> {
    gate: &'a Gate<T>,
    guard: MutexGuard<'a, T>,
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
        // Before the guard, a field, unlocks.
        self.gate.owner.store(0, Ordering::Relaxed);
    }
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
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

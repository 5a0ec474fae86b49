//! The one thread that stops calls whose time is up.
//!
//! It sleeps until the earliest deadline of any running call and wakes earlier only when a call
//! with an earlier one begins; a process without deadlines has no such thread. Beginning a call
//! costs one store and one load: the thread publishes when it will wake, and only a call that ends
//! before that has to wake it (docs/adr/0005-deadlines.md).
//!
//! Invariant: after `expect(deadline)` returns, the thread wakes no later than `deadline`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::token::{NEVER, Token, now_ns};

struct Watchdog {
    tokens: Mutex<Vec<Weak<Token>>>,
    wake: Condvar,
    /// When the thread will look next; `NEVER` while it waits for a call with a deadline, or does not exist.
    next: AtomicU64,
    started: AtomicBool,
}

static WATCHDOG: Watchdog = Watchdog {
    tokens: Mutex::new(Vec::new()),
    wake: Condvar::new(),
    next: AtomicU64::new(NEVER),
    started: AtomicBool::new(false),
};

/// Has the watchdog look at this token's deadlines from now on, for as long as the token lives.
pub(super) fn watch(token: &Arc<Token>) {
    let mut tokens = lock();
    // Dead tokens are dropped whenever the list would have to grow, so it stays proportional to the living.
    if tokens.len() == tokens.capacity() {
        tokens.retain(|token| token.strong_count() > 0);
    }
    tokens.push(Arc::downgrade(token));
    if !WATCHDOG.started.swap(true, Ordering::SeqCst) {
        after_fork::install();
        start();
    }
}

/// A call with this deadline begins; its token already says so.
#[inline]
pub(super) fn expect(deadline: u64) {
    if deadline < WATCHDOG.next.load(Ordering::SeqCst) {
        wake();
    }
}

#[cold]
fn wake() {
    let _tokens = lock();
    if !WATCHDOG.started.swap(true, Ordering::SeqCst) {
        // The process has forked since: threads do not survive that.
        start();
    }
    WATCHDOG.next.store(0, Ordering::SeqCst);
    WATCHDOG.wake.notify_one();
}

fn start() {
    let thread = std::thread::Builder::new()
        .name("extism-watchdog".into())
        .spawn(run);
    if thread.is_err() {
        // Without a thread the next call tries again; until then only explicit cancels stop a call.
        WATCHDOG.started.store(false, Ordering::SeqCst);
    }
}

fn run() {
    let mut tokens = lock();
    loop {
        let next = stop_overdue(&tokens);
        WATCHDOG.next.store(next, Ordering::SeqCst);
        // A call that began between the scan and the store read the old value: look once more
        // before sleeping.
        if earliest(&tokens) < next {
            continue;
        }
        tokens = if next == NEVER {
            WATCHDOG
                .wake
                .wait(tokens)
                .unwrap_or_else(PoisonError::into_inner)
        } else {
            let wait = Duration::from_nanos(next.saturating_sub(now_ns()));
            WATCHDOG
                .wake
                .wait_timeout(tokens, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        };
    }
}

/// Interrupts every call whose deadline has passed; answers the earliest one that has not.
fn stop_overdue(tokens: &[Weak<Token>]) -> u64 {
    let now = now_ns();
    let mut next = NEVER;
    for token in tokens.iter().filter_map(Weak::upgrade) {
        match token.deadline_ns() {
            NEVER => {}
            deadline if deadline <= now => token.interrupt(),
            deadline => next = next.min(deadline),
        }
    }
    next
}

/// The earliest deadline still ahead.
fn earliest(tokens: &[Weak<Token>]) -> u64 {
    let now = now_ns();
    tokens
        .iter()
        .filter_map(Weak::upgrade)
        .map(|token| token.deadline_ns())
        .filter(|deadline| *deadline > now)
        .min()
        .unwrap_or(NEVER)
}

fn lock() -> MutexGuard<'static, Vec<Weak<Token>>> {
    WATCHDOG
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// A child process has the watchdog's memory but not its thread: the child must start one of its own.
#[cfg(unix)]
mod after_fork {
    use super::{NEVER, Ordering, WATCHDOG};

    pub(super) fn install() {
        // SAFETY: the handler only stores to two atomics, which is allowed in a child right after fork.
        unsafe {
            libc::pthread_atfork(None, None, Some(child));
        }
    }

    extern "C" fn child() {
        WATCHDOG.started.store(false, Ordering::SeqCst);
        WATCHDOG.next.store(NEVER, Ordering::SeqCst);
    }
}

#[cfg(not(unix))]
mod after_fork {
    pub(super) fn install() {}
}

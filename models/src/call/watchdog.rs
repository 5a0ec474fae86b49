//! A watchdog that falls asleep: the steps of `crates/runtime/src/call/watchdog.rs` by which it and a
//! call that begins agree on whether it is awake, without its threads, forks and clocks.
//!
//! Must not know: the models. Invariant: the order of the steps is the runtime's.

use std::sync::PoisonError;
use std::time::Duration;

use super::clock::NEVER;
use super::token::{Seen, Token};
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, thread};

struct Watchdog {
    tokens: Mutex<Tokens>,
    wake: Condvar,
    /// `NEVER` while it sleeps.
    period: AtomicU64,
}

#[derive(Default)]
struct Tokens {
    all: Vec<Arc<Token>>,
    /// Whether the model is over.
    over: bool,
}

shuttle::lazy_static! {
    static ref WATCHDOG: Watchdog = Watchdog {
        tokens: Mutex::new(Tokens::default()),
        wake: Condvar::new(),
        period: AtomicU64::new(NEVER),
    };
}

pub(super) fn period_ns(_: Duration) -> u64 {
    1
}

pub(super) fn watch(token: &Arc<Token>) {
    lock().all.push(Arc::clone(token));
}

pub(super) fn expect(period_ns: u64) -> bool {
    WATCHDOG.period.load(Ordering::SeqCst) <= period_ns || wake(period_ns)
}

fn wake(period_ns: u64) -> bool {
    let _tokens = lock();
    WATCHDOG.period.fetch_min(period_ns, Ordering::SeqCst);
    WATCHDOG.wake.notify_one();
    true
}

/// What its thread does, until the model is over. It goes to sleep after the first look without a call.
pub(super) fn run() {
    let mut tokens = lock();
    while !tokens.over {
        if let Some(period) = look(&tokens) {
            WATCHDOG.period.store(period, Ordering::SeqCst);
            // A period passes.
            drop(tokens);
            thread::yield_now();
            tokens = lock();
            continue;
        }
        WATCHDOG.period.store(NEVER, Ordering::SeqCst);
        // A call that began before the store believed the thread awake.
        if look(&tokens).is_none() && !tokens.over {
            let waited = WATCHDOG.wake.wait(tokens);
            tokens = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends its thread, and forgets the tokens.
pub(super) fn end() {
    let mut tokens = lock();
    tokens.over = true;
    tokens.all.clear();
    WATCHDOG.wake.notify_one();
}

/// Looks at all tokens; answers the period if there was a call since the last look.
fn look(tokens: &Tokens) -> Option<u64> {
    let looked: Vec<Seen> = tokens.all.iter().map(|token| token.look()).collect();
    looked.iter().any(|seen| *seen != Seen::Idle).then_some(1)
}

fn lock() -> MutexGuard<'static, Tokens> {
    WATCHDOG
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

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
    /// How many calls of the short period have begun and not ended.
    short_calls: AtomicU64,
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
        short_calls: AtomicU64::new(0),
    };
}

const SHORT: u64 = 1;
const LONG: u64 = 2;

pub(super) fn period_ns(time_max: Duration) -> u64 {
    if time_max.is_zero() { SHORT } else { LONG }
}

/// A call of the short period has begun: from now on it relies on being looked at as often.
pub(super) fn rely() {
    WATCHDOG.short_calls.fetch_add(1, Ordering::SeqCst);
}

/// That call is about to end.
pub(super) fn rely_no_more() {
    WATCHDOG.short_calls.fetch_sub(1, Ordering::SeqCst);
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
            if WATCHDOG.period.swap(period, Ordering::SeqCst) < period {
                // A call that began before the swap relied on the shorter one.
                let shorter = look(&tokens).unwrap_or(period);
                WATCHDOG.period.fetch_min(shorter, Ordering::SeqCst);
            }
            let is_relied_on = WATCHDOG.short_calls.load(Ordering::SeqCst) > 0;
            let period = WATCHDOG.period.load(Ordering::SeqCst);
            assert!(!is_relied_on || period == SHORT, "it looks too late");
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

/// Looks at all tokens; answers the shortest period of the calls there were since the last look.
fn look(tokens: &Tokens) -> Option<u64> {
    let looked = tokens.all.iter().map(|token| (token.look(), token.limit()));
    let looked: Vec<_> = looked.collect();
    let called = looked.iter().filter(|(seen, _)| *seen != Seen::Idle);
    called
        .filter_map(|(_, limit)| Some(limit.as_ref()?.period_ns))
        .min()
}

fn lock() -> MutexGuard<'static, Tokens> {
    WATCHDOG
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

//! The one thread that stops calls whose time is up, and that repeats a cancel until its call is over.
//!
//! While calls with a time limit are made it looks at their tokens, several times within the
//! shortest of their limits, and sets the deadline of each call that it sees for the first time. So
//! a call that is over before the next look costs no clock and no message, only a look at whether
//! the thread is awake (docs/adr/0005-deadlines.md). When there have been no such calls for a while
//! it sleeps until there are; a process without them, in which nothing was ever cancelled, has no such
//! thread.
//!
//! Invariant: after `expect(period)` returns, the thread looks at the call within a period; a call is
//! never stopped early, and late by no more than a period.

#[cfg(unix)]
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::clock::{NEVER, now_ns};
use super::token::{Seen, Token};
use crate::{fork, weak};

/// How often the thread looks while a call may run: this many times within its limit, but not more
/// often than [`PERIOD_MIN`] and not less often than [`PERIOD_MAX`].
const LOOKS: u32 = 16;
const PERIOD_MIN: Duration = Duration::from_millis(1);
const PERIOD_MAX: Duration = Duration::from_millis(100);
const PERIOD_MAX_NS: u64 = PERIOD_MAX.as_nanos() as u64;

/// How often a cancel is repeated.
const PERIOD_CANCELLED_NS: u64 = 5_000_000;

/// After how many looks without a call the thread goes to sleep.
const IDLE_LOOKS_MAX: u32 = 2 * LOOKS;

struct Watchdog {
    tokens: Mutex<Vec<Weak<Token>>>,
    wake: Condvar,
    /// The time between two looks in nanoseconds; `NEVER` while the thread sleeps, or does not exist.
    period: AtomicU64,
    started: AtomicBool,
}

static WATCHDOG: Watchdog = Watchdog {
    tokens: Mutex::new(Vec::new()),
    wake: Condvar::new(),
    period: AtomicU64::new(NEVER),
    started: AtomicBool::new(false),
};

/// Has the watchdog look at this token's deadlines from now on, for as long as the token lives.
pub(super) fn watch(token: &Arc<Token>) {
    let mut tokens = lock();
    weak::push(&mut tokens, token);
    if !WATCHDOG.started.load(Ordering::SeqCst) {
        fork::generation();
        // If that fails, the first call tries again.
        start();
    }
}

/// Has the watchdog repeat a cancel until its call is over. The first one is lost when it comes after the
/// call has looked at its token and before the engine has noted when to look next; nobody else can tell.
pub(super) fn insist(token: &Arc<Token>) {
    let is_watched = lock()
        .iter()
        .any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(token)));
    if !is_watched {
        watch(token);
    }
    // Without a thread, once has to do.
    _ = expect(PERIOD_CANCELLED_NS);
}

/// How often the thread has to look at a call that may take `time_max`.
pub(super) fn period_ns(time_max: Duration) -> u64 {
    let period = (time_max / LOOKS).clamp(PERIOD_MIN, PERIOD_MAX);
    u64::from(period.subsec_nanos())
}

/// A call that has to be looked at this often begins; its token already says so. False if there is no
/// thread to look at it, and none can be started.
#[inline]
pub(super) fn expect(period_ns: u64) -> bool {
    WATCHDOG.period.load(Ordering::SeqCst) <= period_ns || wake(period_ns)
}

#[cold]
fn wake(period_ns: u64) -> bool {
    let _tokens = lock();
    // The process may have forked since: threads do not survive that.
    if !WATCHDOG.started.load(Ordering::SeqCst) && !start() {
        return false;
    }
    WATCHDOG.period.fetch_min(period_ns, Ordering::SeqCst);
    WATCHDOG.wake.notify_one();
    true
}

/// Starts the thread; whoever asks holds the lock.
fn start() -> bool {
    let thread = std::thread::Builder::new()
        .name("extism-watchdog".into())
        .spawn(run);
    WATCHDOG.started.store(thread.is_ok(), Ordering::SeqCst);
    thread.is_ok()
}

fn run() {
    let mut tokens = lock();
    let mut idle_looks = 0;
    loop {
        let mut looked = look(&tokens);
        idle_looks = match looked.period {
            Some(period) => {
                if WATCHDOG.period.swap(period, Ordering::SeqCst) < period {
                    // A call that began before the swap relied on the shorter one.
                    looked = look(&tokens);
                    let shorter = looked.period.unwrap_or(period);
                    WATCHDOG.period.fetch_min(shorter, Ordering::SeqCst);
                }
                0
            }
            None => idle_looks + 1,
        };
        if idle_looks <= IDLE_LOOKS_MAX {
            tokens = wait(tokens, looked.next);
            continue;
        }
        WATCHDOG.period.store(NEVER, Ordering::SeqCst);
        // A call that began before the store believed the thread awake.
        if look(&tokens).period.is_none() {
            tokens = WATCHDOG
                .wake
                .wait(tokens)
                .unwrap_or_else(PoisonError::into_inner);
        }
        idle_looks = 0;
    }
}

/// Waits for a period, until the next deadline or to be woken.
fn wait(tokens: Tokens, deadline: u64) -> Tokens {
    let period = WATCHDOG.period.load(Ordering::SeqCst).min(PERIOD_MAX_NS);
    let wait = period.min(deadline.saturating_sub(now_ns()));
    let waited = WATCHDOG
        .wake
        .wait_timeout(tokens, Duration::from_nanos(wait));
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// What a look at all tokens showed.
struct Looked {
    /// The period of the call with the shortest limit among those made since the last look; `None`
    /// if there were none.
    period: Option<u64>,
    /// The earliest deadline ahead.
    next: u64,
}

fn look(tokens: &[Weak<Token>]) -> Looked {
    let mut looked = Looked {
        period: None,
        next: NEVER,
    };
    for token in tokens.iter().filter_map(Weak::upgrade) {
        let seen = token.look();
        if let Seen::Running { deadline } = seen {
            looked.next = looked.next.min(deadline);
        }
        let period = match (token.limit(), seen) {
            (Some(limit), Seen::Running { .. } | Seen::Overdue | Seen::Ended) => limit.period_ns,
            (None, Seen::Overdue) => PERIOD_CANCELLED_NS,
            _ => continue,
        };
        looked.period = Some(looked.period.unwrap_or(NEVER).min(period));
    }
    looked
}

type Tokens = MutexGuard<'static, Vec<Weak<Token>>>;

fn lock() -> Tokens {
    WATCHDOG
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
thread_local! {
    static HELD: Cell<Option<Tokens>> = const { Cell::new(None) };
}

/// A fork is about to happen. The child has the lock of its parent, which the thread may hold at any
/// moment, so whoever forks takes it first.
#[cfg(unix)]
pub(crate) fn before_fork() {
    // A thread that is ending has no such variable any more, and then the child takes its chance.
    let _ = HELD.try_with(|held| held.set(Some(lock())));
}

/// The fork has happened, in the parent and in the child.
#[cfg(unix)]
pub(crate) fn after_fork() {
    let _ = HELD.try_with(Cell::take);
}

/// A child has the watchdog's memory but not its thread: it must start one of its own.
#[cfg(unix)]
pub(crate) fn begin_anew() {
    WATCHDOG.started.store(false, Ordering::SeqCst);
    WATCHDOG.period.store(NEVER, Ordering::SeqCst);
}

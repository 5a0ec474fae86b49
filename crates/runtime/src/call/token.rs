//! One plug-in's running call: when it must end, and whether somebody asked it to.
//!
//! The engine looks at the token from its epoch callback, WASI and HTTP while they wait. Invariant:
//! a token speaks of its own plug-in only, and a cancel names one call by its generation, so a late
//! cancel can never hit the next call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use wasmtime::Engine;

use super::watchdog;

/// `Token::deadline` of a call without one.
pub(super) const NEVER: u64 = u64::MAX;

pub(crate) struct Token {
    /// Odd while a call runs; goes up by one when a call begins and when it ends. Written by the
    /// calling thread only.
    generation: AtomicU64,
    /// The generation that was asked to stop.
    cancelled: AtomicU64,
    /// When the running call must be over, in nanoseconds of [`now_ns`].
    deadline: AtomicU64,
    /// The calling thread, while it waits outside of Wasm.
    waiting: Mutex<Option<Thread>>,
    engine: Engine,
}

/// Why a call has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Timeout,
    Cancelled,
}

impl Token {
    /// A token for a plug-in on `engine`; `timed` ones are watched by the watchdog.
    pub(crate) fn new(engine: Engine, timed: bool) -> Arc<Token> {
        let token = Arc::new(Token {
            generation: AtomicU64::new(0),
            cancelled: AtomicU64::new(u64::MAX),
            deadline: AtomicU64::new(NEVER),
            waiting: Mutex::new(None),
            engine,
        });
        if timed {
            watchdog::watch(&token);
        }
        token
    }

    /// A call begins; [`Token::end`] must follow.
    #[inline]
    pub(crate) fn begin(&self, time_max: Option<Duration>) {
        if let Some(time_max) = time_max {
            self.arm(time_max);
        }
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation
            .store(generation.wrapping_add(1), Ordering::Release);
    }

    fn arm(&self, time_max: Duration) {
        let time_max = u64::try_from(time_max.as_nanos()).unwrap_or(NEVER);
        let deadline = now_ns().saturating_add(time_max);
        self.deadline.store(deadline, Ordering::SeqCst);
        watchdog::expect(deadline);
    }

    /// The call is over.
    #[inline]
    pub(crate) fn end(&self) {
        if self.deadline.load(Ordering::Relaxed) != NEVER {
            self.deadline.store(NEVER, Ordering::Release);
        }
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation
            .store(generation.wrapping_add(1), Ordering::Release);
    }

    /// Asks the running call to stop; does nothing when none runs. From any thread.
    pub(crate) fn cancel(&self) {
        let generation = self.generation.load(Ordering::Acquire);
        if generation & 1 == 0 {
            return;
        }
        self.cancelled.store(generation, Ordering::Release);
        self.interrupt();
    }

    /// Whether the running call has to stop, and why.
    pub(crate) fn stop(&self) -> Option<Stop> {
        if self.cancelled.load(Ordering::Acquire) == self.generation.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        let deadline = self.deadline.load(Ordering::Relaxed);
        (deadline != NEVER && now_ns() >= deadline).then_some(Stop::Timeout)
    }

    /// When the running call must be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Ordering::Relaxed) {
            NEVER => None,
            deadline => origin().checked_add(Duration::from_nanos(deadline)),
        }
    }

    pub(super) fn deadline_ns(&self) -> u64 {
        self.deadline.load(Ordering::SeqCst)
    }

    /// Makes the call look at its token now: in Wasm at the next loop or call, outside at once.
    /// Other plug-ins on the same engine look at theirs, find nothing, and go on.
    pub(super) fn interrupt(&self) {
        self.engine.increment_epoch();
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = waiting.as_ref() {
            thread.unpark();
        }
    }

    /// Waits until the thread is unparked, the deadline passes or the call is asked to stop.
    pub(crate) fn park(&self) -> Option<Stop> {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        let stop = self.stop().or_else(|| {
            match self.deadline() {
                None => std::thread::park(),
                Some(deadline) => {
                    std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                }
            }
            self.stop()
        });
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        stop
    }
}

/// Nanoseconds since the first use of this clock in the process.
pub(super) fn now_ns() -> u64 {
    u64::try_from(origin().elapsed().as_nanos()).unwrap_or(NEVER)
}

pub(super) fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

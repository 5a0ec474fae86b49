//! One plug-in's running call: when it must end, and whether somebody asked it to.
//!
//! The engine looks at the token from its epoch callback, WASI and HTTP while they wait. Invariant:
//! a token speaks of its own plug-in only; a cancel and a deadline name one call by its generation,
//! so neither can ever hit the next one. `models` tries every order of its steps.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::clock::{self, NEVER};
use super::{Engine, watchdog};
use crate::sync::{Arc, AtomicU64, Mutex, OnceLock, Ordering, Thread, current, park, park_timeout};

pub(crate) struct Token {
    /// Odd while a call runs; goes up by one when a call begins and when it ends. Written by the
    /// calling thread only.
    generation: AtomicU64,
    /// The last generation that was asked to stop. It never goes down: who is late with an earlier one must
    /// not undo a later one.
    cancelled: AtomicU64,
    /// The last generation somebody has found that it has to stop, for whichever reason. It never goes down,
    /// either.
    stopped: AtomicU64,
    /// How long a call may take, and how often the watchdog has to look at it.
    limit: Option<Limit>,
    /// The last generation the watchdog has seen, and when that call must be over. Written by the
    /// watchdog only.
    seen: AtomicU64,
    deadline: AtomicU64,
    /// The calling thread, while it waits outside of Wasm.
    waiting: Mutex<Option<Thread>>,
    engine: Engine,
    /// The engine without slots, if an instance of the plug-in was ever made there.
    other_engine: OnceLock<Engine>,
}

/// The generation of a new token. None is 0, which nobody cancels.
const BEFORE_ALL_CALLS: u64 = 2;

#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) time_max: Duration,
    pub(super) period_ns: u64,
}

/// Why a call has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Timeout,
    Cancelled,
}

impl Token {
    /// A token for a plug-in on `engine`, whose calls may take `time_max`.
    pub(crate) fn new(engine: Engine, time_max: Option<Duration>) -> Arc<Token> {
        let token = Arc::new(Token {
            generation: AtomicU64::new(BEFORE_ALL_CALLS),
            cancelled: AtomicU64::new(0),
            stopped: AtomicU64::new(0),
            limit: time_max.map(|time_max| Limit {
                time_max,
                period_ns: watchdog::period_ns(time_max),
            }),
            seen: AtomicU64::new(NEVER),
            deadline: AtomicU64::new(NEVER),
            waiting: Mutex::new(None),
            engine,
            other_engine: OnceLock::new(),
        });
        if time_max.is_some() {
            watchdog::watch(&token);
        }
        token
    }

    /// Another token for the same plug-in: whoever holds this one stops no call of it any more.
    pub(crate) fn renewed(&self) -> Arc<Token> {
        let time_max = self.limit.map(|limit| limit.time_max);
        let token = Token::new(self.engine.clone(), time_max);
        if let Some(engine) = self.other_engine.get() {
            token.runs_on(engine);
        }
        token
    }

    /// From now on the plug-in may run on this engine, too.
    pub(crate) fn runs_on(&self, engine: &Engine) {
        self.other_engine.get_or_init(|| engine.clone());
    }

    /// A call begins; [`Token::end`] must follow. False if it has a time limit that nobody can watch
    /// over: then none has begun.
    #[inline]
    #[must_use]
    pub(crate) fn begin(&self) -> bool {
        let generation = self.next_generation();
        match self.limit {
            None => {
                self.generation.store(generation, Ordering::Release);
                true
            }
            Some(Limit { period_ns, .. }) => {
                // In one order with the watchdog's falling asleep: either it sees this call, or this
                // call sees that it sleeps.
                self.generation.swap(generation, Ordering::SeqCst);
                watchdog::expect(period_ns) || self.unwatched()
            }
        }
    }

    #[cold]
    fn unwatched(&self) -> bool {
        self.end();
        false
    }

    /// The call is over.
    #[inline]
    pub(crate) fn end(&self) {
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation
            .store(generation.wrapping_add(1), Ordering::Release);
    }

    /// Whether a call has begun and not ended. Asked by the calling thread between calls: then one has
    /// panicked.
    pub(crate) fn is_running(&self) -> bool {
        self.generation.load(Ordering::Relaxed) & 1 == 1
    }

    /// Asks the running call to stop, if one does. From any thread.
    pub(crate) fn cancel(&self) -> bool {
        let generation = self.generation.load(Ordering::Acquire);
        let is_running = generation & 1 == 1;
        if is_running {
            self.cancelled.fetch_max(generation, Ordering::Release);
            self.interrupt(generation);
        }
        is_running
    }

    /// The generation of the next call, while none runs.
    pub(crate) fn next_generation(&self) -> u64 {
        after(self.generation.load(Ordering::Relaxed))
    }

    /// Asks the call of a generation to stop, whether it has begun or not, unless it is over. From
    /// any thread.
    pub(crate) fn cancel_generation(&self, generation: u64) -> bool {
        let now = self.generation.load(Ordering::Acquire);
        let is_ahead = now == generation || after(now) == generation;
        if is_ahead {
            // The engine's counter goes up after this, so a call that begins after it finds it raised
            // at its first look, which is at this. An instance that is made in the call looks when it begins.
            self.cancelled.fetch_max(generation, Ordering::Release);
            self.interrupt(generation);
        }
        is_ahead
    }

    /// Whether the running call has to stop, and why. Asked by the calling thread.
    pub(crate) fn stop(&self) -> Option<Stop> {
        let generation = self.generation.load(Ordering::Relaxed);
        if self.cancelled.load(Ordering::Acquire) == generation {
            return Some(Stop::Cancelled);
        }
        let overdue = self.seen.load(Ordering::Acquire) == generation
            && clock::now_ns() >= self.deadline.load(Ordering::Relaxed);
        overdue.then(|| {
            self.stopped.fetch_max(generation, Ordering::Relaxed);
            Stop::Timeout
        })
    }

    /// Whether somebody has found that the running call has to stop. Asked by the calling thread
    /// after every host function, so it looks at no clock.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) == self.generation.load(Ordering::Relaxed)
    }

    /// When the running call must be over. Asked by the calling thread.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let Limit { time_max, .. } = self.limit?;
        let generation = self.generation.load(Ordering::Relaxed);
        match self.seen.load(Ordering::Acquire) {
            seen if seen == generation => clock::instant(self.deadline.load(Ordering::Relaxed)),
            // It has hardly begun.
            _ => Instant::now().checked_add(time_max),
        }
    }

    /// The watchdog's look at the plug-in: the first one at a call sets its deadline, one after the
    /// deadline, or after a cancel, stops it.
    pub(super) fn look(&self) -> Seen {
        let generation = self.generation.load(Ordering::SeqCst);
        let running = generation & 1 == 1;
        let is_new = self.seen.load(Ordering::Relaxed) != generation;
        if is_new && running {
            // Read after the generation: the call began before.
            let deadline = clock::deadline_ns(self.limit.map(|limit| limit.time_max));
            self.deadline.store(deadline, Ordering::Relaxed);
        }
        if is_new {
            self.seen.store(generation, Ordering::Release);
        }
        if !running {
            return if is_new { Seen::Ended } else { Seen::Idle };
        }
        let deadline = self.deadline.load(Ordering::Relaxed);
        let is_cancelled = self.cancelled.load(Ordering::Acquire) == generation;
        if is_cancelled || clock::now_ns() >= deadline {
            self.interrupt(generation);
            return Seen::Overdue;
        }
        Seen::Running { deadline }
    }

    pub(super) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Makes the call look at its token now: in Wasm at the next loop or call, outside at once.
    /// Other plug-ins on the same engine look at theirs, find nothing, and go on.
    fn interrupt(&self, generation: u64) {
        self.stopped.fetch_max(generation, Ordering::Relaxed);
        self.engine.increment_epoch();
        if let Some(engine) = self.other_engine.get() {
            engine.increment_epoch();
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = waiting.as_ref() {
            thread.unpark();
        }
    }

    /// Waits until the thread is unparked, the time has come, the deadline passes or the call is asked to
    /// stop.
    pub(crate) fn park(&self, until: Option<Instant>) -> Option<Stop> {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(current());
        let stop = self.stop().or_else(|| {
            match until.into_iter().chain(self.deadline()).min() {
                None => park(),
                Some(end) => park_timeout(end.saturating_duration_since(Instant::now())),
            }
            self.stop()
        });
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        stop
    }
}

/// The generation of the call that comes next: an odd one, also after a call that panicked and has not said
/// its end.
fn after(generation: u64) -> u64 {
    generation.wrapping_add(1) | 1
}

/// What the watchdog saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// No call since the last look.
    Idle,
    /// A call, which is over.
    Ended,
    /// A call that must be over at `deadline`.
    Running { deadline: u64 },
    /// A call that has been told to stop.
    Overdue,
}

//! Who is in a plug-in and for how long, and the thread that watches that: a plug-in that takes long
//! runs on with less priority.
//!
//! Must not know: calls, queues. Invariants: a priority is lowered only while the thread is in a plug-in;
//! a thread that leaves one knows whether it was; the thread that watches waits for nobody, takes no
//! lock and asks for no memory: as long as it goes on, no thread that a lowered one holds up waits
//! behind plug-ins that loop (docs/adr/0014-beam-workers.md).

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use extism_binding::THREADS_MAX;

use crate::priority;
use crate::worker::spawn;

/// How long a plug-in runs with the priority of the schedulers.
const SHORT_MAX: Duration = Duration::from_millis(10);
const SHORT_MAX_MS: u64 = SHORT_MAX.as_millis() as u64;

/// How many times the thread looks at nothing before it sleeps until it is woken.
const IDLE_LOOKS_MAX: u32 = 100;

/// No plug-in runs.
const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
/// The thread that watches is about to lower the priority.
const LOWERING: u8 = 2;
const LOWERED: u8 = 3;

/// What the thread that watches knows of another one.
pub(crate) struct Turn {
    thread: AtomicI32,
    state: AtomicU8,
    /// When the plug-in began.
    since_ms: AtomicU64,
}

static TURNS: [Turn; THREADS_MAX] = [const { Turn::new() }; THREADS_MAX];

/// How many of them were ever taken: nobody has those behind.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

static WATCH: OnceLock<Thread> = OnceLock::new();
static WATCH_IS_MADE: Mutex<bool> = Mutex::new(false);
static WATCH_SLEEPS: AtomicBool = AtomicBool::new(false);

/// The calling thread takes one of the places; the one before has left it.
pub(crate) fn take(place: usize) -> Option<&'static Turn> {
    let turn = TURNS.get(place)?;
    turn.thread.store(priority::thread(), Ordering::Relaxed);
    turn.state.store(OUTSIDE, Ordering::Release);
    TAKEN.fetch_max(place + 1, Ordering::SeqCst);
    Some(turn)
}

/// Makes the thread that watches, if there is none. Said by a thread of the schedulers' priority.
pub(crate) fn ensure_watched() -> io::Result<()> {
    let mut is_made = WATCH_IS_MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_made {
        LazyLock::force(&ORIGIN);
        let watch = spawn("extism-watch", watch)?;
        _ = WATCH.set(watch.thread().clone());
        *is_made = true;
    }
    Ok(())
}

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now_ms() -> u64 {
    u64::try_from(ORIGIN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn watch() {
    let mut idle_looks = 0;
    loop {
        let is_idle = !look();
        idle_looks = if is_idle { idle_looks + 1 } else { 0 };
        if idle_looks <= IDLE_LOOKS_MAX {
            std::thread::park_timeout(SHORT_MAX);
            continue;
        }
        WATCH_SLEEPS.store(true, Ordering::SeqCst);
        // Who began before that believed it awake.
        if !look() {
            std::thread::park();
        }
        WATCH_SLEEPS.store(false, Ordering::SeqCst);
        idle_looks = 0;
    }
}

/// Looks at everybody; whether somebody is in a plug-in.
fn look() -> bool {
    let now_ms = now_ms();
    let mut is_any = false;
    for turn in TURNS.iter().take(TAKEN.load(Ordering::SeqCst)) {
        is_any |= turn.look(now_ms);
    }
    is_any
}

impl Turn {
    const fn new() -> Turn {
        Turn {
            thread: AtomicI32::new(0),
            state: AtomicU8::new(OUTSIDE),
            since_ms: AtomicU64::new(0),
        }
    }

    /// The thread enters a plug-in.
    pub(crate) fn begin(&self) {
        self.since_ms.store(now_ms(), Ordering::Relaxed);
        self.state.store(INSIDE, Ordering::SeqCst);
        if WATCH_SLEEPS.load(Ordering::SeqCst)
            && let Some(watch) = WATCH.get()
        {
            watch.unpark();
        }
    }

    /// It has left the plug-in; whether its priority was lowered meanwhile.
    pub(crate) fn end(&self) -> bool {
        loop {
            let left =
                self.state
                    .compare_exchange(INSIDE, OUTSIDE, Ordering::AcqRel, Ordering::Acquire);
            match left {
                // The number of a thread that has ended may be another's: not before it was used.
                Err(LOWERING) => std::thread::yield_now(),
                Err(_) => return true,
                Ok(_) => return false,
            }
        }
    }

    /// Lowers the priority of a thread that has been in a plug-in for long; whether it is in one.
    fn look(&self, now_ms: u64) -> bool {
        let is_long = || {
            let since_ms = self.since_ms.load(Ordering::Relaxed);
            now_ms.saturating_sub(since_ms) >= SHORT_MAX_MS
        };
        let state = self.state.load(Ordering::SeqCst);
        if state != INSIDE || !is_long() {
            return state == INSIDE;
        }
        let claimed =
            self.state
                .compare_exchange(INSIDE, LOWERING, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_err() {
            return true;
        }
        // Another call may have begun in between, and is a short one.
        let is_lowered = is_long() && priority::lower(self.thread.load(Ordering::Relaxed));
        let state = if is_lowered { LOWERED } else { INSIDE };
        self.state.store(state, Ordering::Release);
        true
    }
}

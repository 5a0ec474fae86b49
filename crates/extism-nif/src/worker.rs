//! The threads calls run on: as many as there are calls at a time, kept for a while for the next ones.
//!
//! A call that takes long runs on with less priority, since the schedulers of the virtual machine
//! share the processors with it: plug-ins that loop would otherwise delay every process there is.
//! A thread cannot get its priority back, so it ends with that call.
//!
//! Must not know: what a call does. Invariant: a call that is handed over begins as soon as a thread
//! is free; up to [`THREADS_MAX`] calls it never waits for one.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustler::ResourceArc;

use crate::call::{Call, Leaving};
use crate::priority;

/// How many threads there are at most. Calls beyond that wait.
const THREADS_MAX: usize = 1_024;

/// The stack of a thread: what Wasm may use at most, and as much again for the library. Pages that
/// are not used cost nothing.
pub(crate) const STACK_BYTES: usize = 2 * WASM_STACK_BYTES_MAX;

/// How much of it a plug-in can be allowed.
pub(crate) const WASM_STACK_BYTES_MAX: usize = 8 << 20;

/// How long a thread waits for work.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How long a plug-in runs with the priority of the schedulers.
const SHORT_MAX: Duration = Duration::from_millis(10);

/// How long anything else does, such as compiling.
const OTHER_SHORT_MAX: Duration = Duration::from_secs(2);

struct Workers {
    state: Mutex<State>,
    wake: Condvar,
    /// Wakes the thread that watches.
    watch: Condvar,
}

struct State {
    queue: VecDeque<ResourceArc<Call>>,
    running: Vec<Running>,
    idle: usize,
    threads: usize,
    watch: Watch,
}

/// A thread that works.
struct Running {
    thread: priority::Thread,
    since: Instant,
    short_max: Duration,
    is_lowered: bool,
}

#[derive(PartialEq, Eq)]
enum Watch {
    Missing,
    Asleep,
    Awake,
}

static WORKERS: Workers = Workers {
    state: Mutex::new(State {
        queue: VecDeque::new(),
        running: Vec::new(),
        idle: 0,
        threads: 0,
        watch: Watch::Missing,
    }),
    wake: Condvar::new(),
    watch: Condvar::new(),
};

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of ours, which may take its time.
pub(crate) fn is_ours() -> bool {
    IS_OURS.with(Cell::get)
}

/// Hands a call over to a thread.
///
/// # Errors
/// When there is no thread and none can be made.
pub(crate) fn run(call: ResourceArc<Call>) -> io::Result<()> {
    let mut state = lock();
    state.queue.push_back(call);
    match state.watch {
        Watch::Missing if spawn("extism-watch", watch).is_ok() => state.watch = Watch::Awake,
        Watch::Asleep => WORKERS.watch.notify_one(),
        Watch::Missing | Watch::Awake => {}
    }
    if state.idle >= state.queue.len() {
        WORKERS.wake.notify_one();
        return Ok(());
    }
    let made = state.make_thread();
    if made.is_err() && state.threads == 0 {
        state.queue.pop_back();
        return made;
    }
    Ok(())
}

impl State {
    /// One thread more, unless there are as many as there may be.
    fn make_thread(&mut self) -> io::Result<()> {
        if self.threads < THREADS_MAX {
            spawn("extism-call", work)?;
            self.threads += 1;
        }
        Ok(())
    }
}

/// Makes a thread of ours.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = Builder::new().name(name.to_owned());
    let main = move || {
        IS_OURS.with(|ours| ours.set(true));
        work();
    };
    builder.stack_size(STACK_BYTES).spawn(main).map(drop)
}

fn work() {
    let thread = priority::Thread::current();
    let mut state = lock();
    loop {
        if let Some(call) = state.queue.pop_front() {
            state.running.push(Running {
                thread,
                since: Instant::now(),
                short_max: match call.leaving() {
                    Leaving::Waits => SHORT_MAX,
                    Leaving::Goes => OTHER_SHORT_MAX,
                },
                is_lowered: false,
            });
            drop(state);
            Call::run(&call);
            drop(call);
            state = lock();
            if stop_running(&mut state, thread) {
                state.threads -= 1;
                return;
            }
            continue;
        }
        state.idle += 1;
        let waited = WORKERS.wake.wait_timeout(state, IDLE_MAX);
        let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state = next;
        state.idle -= 1;
        if waited.timed_out() && state.queue.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

/// A thread has done its work; whether its priority was lowered.
fn stop_running(state: &mut State, thread: priority::Thread) -> bool {
    let at = state
        .running
        .iter()
        .position(|running| running.thread == thread);
    at.is_some_and(|at| state.running.swap_remove(at).is_lowered)
}

/// Lowers the priority of calls that take long, and makes threads in the place of those that end.
/// It is made by a scheduler, so what it makes has a scheduler's priority.
fn watch() {
    let mut state = lock();
    loop {
        let now = Instant::now();
        for running in &mut state.running {
            if !running.is_lowered && now.duration_since(running.since) >= running.short_max {
                running.is_lowered = running.thread.lower();
            }
        }
        if !state.queue.is_empty() && state.idle == 0 {
            // If there is no thread to be had, there may be one the next time.
            _ = state.make_thread();
        }
        state = if state.running.is_empty() && state.queue.is_empty() {
            state.watch = Watch::Asleep;
            let woken = WORKERS.watch.wait(state);
            let mut state = woken.unwrap_or_else(PoisonError::into_inner);
            state.watch = Watch::Awake;
            state
        } else {
            let woken = WORKERS.watch.wait_timeout(state, SHORT_MAX);
            woken.unwrap_or_else(PoisonError::into_inner).0
        };
    }
}

fn lock() -> MutexGuard<'static, State> {
    WORKERS.state.lock().unwrap_or_else(PoisonError::into_inner)
}

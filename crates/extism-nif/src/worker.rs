//! The threads calls run on: as many as there are calls at a time, kept for a while for the next ones.
//!
//! A plug-in that takes long runs on with less priority, since the schedulers of the virtual machine
//! share the processors with it. Such a thread cannot get its priority back, and whoever waits for a
//! lock that it holds waits with its priority. So it does nothing but run the plug-in: what is left
//! to do for the call is handed to another thread, and it ends (docs/adr/0014-beam-workers.md).
//!
//! Must not know: what a call does. Invariants: a call that is handed over begins as soon as a thread
//! is free; up to [`WORKING_MAX`](extism_binding::WORKING_MAX) calls it never waits for one, nor for any
//! that waits for a process; no thread of low priority takes the lock, and nobody makes a thread, or runs
//! or drops a call, while he has it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, Thread};
use std::time::Duration;

use extism_binding::{Crowd, IDLE_SECONDS_MAX, THREADS_MAX};
use rustler::ResourceArc;

use crate::call::{Call, Rest};
use crate::turn::{self, Turn};

/// The stack of a thread: what Wasm may use at most, and as much again for the library. Pages that
/// are not used cost nothing.
pub(crate) const STACK_BYTES: usize = 2 * WASM_STACK_BYTES_MAX;

/// How much of it a plug-in can be allowed.
pub(crate) const WASM_STACK_BYTES_MAX: usize = 8 << 20;

/// How long a thread waits for work.
const IDLE_MAX: Duration = Duration::from_secs(IDLE_SECONDS_MAX);

/// How long to wait when no thread can be had.
const RETRY: Duration = Duration::from_millis(10);

/// What threads do.
enum Task {
    Begin(ResourceArc<Call>),
    Finish(Rest),
}

struct State {
    queue: VecDeque<Task>,
    /// Those that wait for work.
    idle: usize,
    /// Those that were made and have not asked for work yet.
    new: usize,
}

impl State {
    /// Whether the next task is one that takes no time.
    fn has_rest(&self) -> bool {
        matches!(self.queue.front(), Some(Task::Finish(_)))
    }

    /// Whether a thread may be made for the next task.
    fn may_grow(&self) -> bool {
        CROWD.has_room() || (self.has_rest() && CROWD.has_place())
    }
}

static STATE: Mutex<State> = Mutex::new(State {
    queue: VecDeque::new(),
    idle: 0,
    new: 0,
});
static WORK: Condvar = Condvar::new();

/// All threads, those that are ending included. It has no lock: those of low priority say in it that they
/// wait.
static CROWD: Crowd = Crowd::new();

/// The thread that makes the others.
static KEEPER: OnceLock<Thread> = OnceLock::new();
static KEEPER_IS_MADE: Mutex<bool> = Mutex::new(false);

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    static TURN: Cell<Option<&'static Turn>> = const { Cell::new(None) };
    static IS_LOWERED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of ours, which may take its time.
pub(crate) fn is_ours() -> bool {
    IS_OURS.with(Cell::get)
}

/// Runs a plug-in on the calling thread, which may lose its priority by that: then it should do nothing more.
pub(crate) fn in_plugin<R>(run: impl FnOnce() -> R) -> R {
    struct Inside(Option<&'static Turn>);
    impl Drop for Inside {
        fn drop(&mut self) {
            if self.0.is_some_and(Turn::end) {
                IS_LOWERED.set(true);
            }
        }
    }
    let inside = Inside(TURN.get());
    if let Some(turn) = inside.0 {
        turn.begin();
    }
    run()
}

/// Hands a call over to a thread.
///
/// # Errors
/// When the first thread of all cannot be made.
pub(crate) fn run(call: ResourceArc<Call>) -> io::Result<()> {
    ensure()?;
    hand_over(Task::Begin(call));
    Ok(())
}

/// Makes the threads that others need, if they are not there: after that calls can be handed over.
///
/// # Errors
/// When one of them cannot be made.
pub(crate) fn ensure() -> io::Result<()> {
    let mut is_made = KEEPER_IS_MADE
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if !*is_made {
        turn::ensure_watched()?;
        let (ending, ended) = channel();
        spawn("extism-join", move || join(ended))?;
        let keeper = spawn("extism-threads", move || keep(&ending))?;
        _ = KEEPER.set(keeper.thread().clone());
        *is_made = true;
    }
    Ok(())
}

/// Waits for a process on a thread of ours, which other calls do not wait for meanwhile.
pub(crate) fn wait<R>(wait: impl FnOnce() -> R) -> R {
    CROWD.wait(wake_keeper, wait)
}

fn hand_over(task: Task) {
    let mut state = lock();
    match task {
        Task::Begin(_) => state.queue.push_back(task),
        // It takes no time, and its caller waits behind nobody.
        Task::Finish(_) => state.queue.push_front(task),
    }
    let is_enough = state.idle >= state.queue.len();
    drop(state);
    match is_enough {
        true => WORK.notify_one(),
        false => wake_keeper(),
    }
}

fn wake_keeper() {
    if let Some(keeper) = KEEPER.get() {
        keeper.unpark();
    }
}

/// Makes a thread of ours.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.to_owned());
    let main = move || {
        IS_OURS.with(|ours| ours.set(true));
        work();
    };
    builder.stack_size(STACK_BYTES).spawn(main)
}

/// A thread that works.
struct Worker {
    place: usize,
    /// Set when it ends, to what is left to do.
    left: Arc<OnceLock<Mutex<Option<Rest>>>>,
    handle: JoinHandle<()>,
}

/// Makes threads. It is made by a scheduler, so they have a scheduler's priority.
fn keep(ending: &Sender<JoinHandle<()>>) {
    let mut places: Vec<usize> = (0..THREADS_MAX).rev().collect();
    let mut workers: Vec<Worker> = Vec::new();
    loop {
        let gone = workers.extract_if(.., |worker| worker.left.get().is_some());
        for worker in gone {
            places.push(worker.place);
            part(worker, ending);
        }
        match make(&mut workers, &mut places) {
            Made::Enough => std::thread::park(),
            Made::TooFew => std::thread::park_timeout(RETRY),
        }
    }
}

enum Made {
    Enough,
    TooFew,
}

/// Makes a thread for each call that waits for one. Schedulers do not: it takes locks that every
/// thread takes that begins or ends.
fn make(workers: &mut Vec<Worker>, places: &mut Vec<usize>) -> Made {
    let mut state = lock();
    while state.idle + state.new < state.queue.len() && state.may_grow() {
        let Some(place) = places.pop() else {
            break;
        };
        CROWD.add();
        state.new += 1;
        drop(state);
        let made = worker(place);
        state = lock();
        match made {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                places.push(place);
                CROWD.remove();
                state.new -= 1;
                refuse(state, &error);
                return Made::TooFew;
            }
        }
    }
    Made::Enough
}

fn worker(place: usize) -> io::Result<Worker> {
    let left = Arc::new(OnceLock::new());
    let its = Arc::clone(&left);
    let handle = spawn("extism-call", move || {
        TURN.set(turn::take(place));
        _ = its.set(Mutex::new(work()));
        wake_keeper();
    })?;
    Ok(Worker {
        place,
        left,
        handle,
    })
}

/// No thread can be had. If there is none at all, those who wait have to know; else one may be had the
/// next time.
fn refuse(mut state: MutexGuard<'_, State>, error: &io::Error) {
    let refused = match CROWD.is_empty() {
        true => std::mem::take(&mut state.queue),
        false => VecDeque::new(),
    };
    drop(state);
    for task in refused {
        match task {
            Task::Begin(call) => call.refuse(error),
            Task::Finish(rest) => rest(),
        }
    }
}

/// A thread is at its end.
fn part(worker: Worker, ending: &Sender<JoinHandle<()>>) {
    let left = worker.left.get();
    let left = left.and_then(|left| left.lock().unwrap_or_else(PoisonError::into_inner).take());
    if let Some(rest) = left {
        hand_over(Task::Finish(rest));
    }
    _ = ending.send(worker.handle);
}

/// Waits for threads to end. What gives back their stacks takes a lock, so they do not do it themselves.
fn join(ended: Receiver<JoinHandle<()>>) {
    for handle in ended {
        // A panic was reported when it happened.
        _ = handle.join();
        CROWD.remove();
        wake_keeper();
    }
}

/// Works until there has been nothing to do for a while, or the thread has lost its priority: then what
/// is left to do comes back.
fn work() -> Option<Rest> {
    let mut state = lock();
    state.new -= 1;
    loop {
        if CROWD.is_too_large() && !state.has_rest() {
            drop(state);
            // It may have been woken for a call.
            WORK.notify_one();
            return None;
        }
        if let Some(task) = state.queue.pop_front() {
            drop(state);
            let rest = match task {
                Task::Begin(call) => Call::run(call),
                Task::Finish(rest) => rest,
            };
            if IS_LOWERED.get() {
                return Some(rest);
            }
            rest();
            state = lock();
            continue;
        }
        state.idle += 1;
        let waited = WORK.wait_timeout(state, IDLE_MAX);
        let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state = next;
        state.idle -= 1;
        if waited.timed_out() && state.queue.is_empty() {
            return None;
        }
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

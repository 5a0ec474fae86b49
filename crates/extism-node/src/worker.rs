//! The threads jobs run on: as many as there are jobs at a time, kept for a while for the next
//! ones. Node's own pool has four threads for everything, files and names included, and a plug-in
//! may run for as long as it likes.
//!
//! Must not know: what a job does. Invariant: a job begins as soon as a thread is free; up to
//! [`WORKING_MAX`](extism_binding::WORKING_MAX) jobs it never waits for one, nor for any that waits for
//! JavaScript.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use extism_binding::{Crowd, IDLE_SECONDS_MAX};
use extism_runtime::Status;

use crate::error::Failure;

/// The stack of a thread: what Wasm may use at most, and as much again for the library. Pages that
/// are not used cost nothing.
const STACK_BYTES: usize = 2 * WASM_STACK_BYTES_MAX;

/// How much of it a plug-in can be allowed: what is left of the stack of a JavaScript thread bounds
/// it, too.
pub(crate) const WASM_STACK_BYTES_MAX: usize = 1 << 20;

/// How long a thread waits for work.
const IDLE_MAX: Duration = Duration::from_secs(IDLE_SECONDS_MAX);

pub(crate) type Job = Box<dyn FnOnce() + Send>;

struct Threads {
    jobs: VecDeque<Job>,
    idle: usize,
}

static THREADS: Mutex<Threads> = Mutex::new(Threads {
    jobs: VecDeque::new(),
    idle: 0,
});
/// Changed with the threads locked.
static CROWD: Crowd = Crowd::new();
static WORK: Condvar = Condvar::new();

/// Hands a job over to a thread.
///
/// # Errors
/// When there is no thread and none can be made; the job is then dropped.
pub(crate) fn run(job: Job) -> Result<(), Failure> {
    let mut threads = lock();
    threads.jobs.push_back(job);
    if threads.idle >= threads.jobs.len() || !CROWD.has_room() {
        WORK.notify_one();
        return Ok(());
    }
    match make() {
        Err(error) if CROWD.is_empty() => {
            let job = threads.jobs.pop_back();
            drop(threads);
            drop(job);
            let text = format!("no thread for the call: {error}");
            Err(Failure::new(Status::Internal, text))
        }
        // If there is no thread, one of those there are will come to it.
        _ => Ok(()),
    }
}

/// Waits for JavaScript on a thread of ours, which others do not wait for meanwhile.
pub(crate) fn wait<R>(wait: impl FnOnce() -> R) -> R {
    let make_room = || {
        let threads = lock();
        if threads.idle < threads.jobs.len() && CROWD.has_room() {
            _ = make();
        }
    };
    CROWD.wait(make_room, wait)
}

/// Makes a thread. Said with the threads locked.
fn make() -> io::Result<()> {
    let thread = Builder::new().name("extism-call".to_owned());
    thread.stack_size(STACK_BYTES).spawn(work)?;
    CROWD.add();
    Ok(())
}

fn work() {
    let mut threads = lock();
    loop {
        if CROWD.is_too_large() {
            CROWD.remove();
            // It may have been woken for a job.
            WORK.notify_one();
            return;
        }
        if let Some(job) = threads.jobs.pop_front() {
            drop(threads);
            job();
            threads = lock();
            continue;
        }
        threads.idle += 1;
        let (next, waited) = WORK
            .wait_timeout(threads, IDLE_MAX)
            .unwrap_or_else(PoisonError::into_inner);
        threads = next;
        threads.idle -= 1;
        if waited.timed_out() && threads.jobs.is_empty() {
            CROWD.remove();
            return;
        }
    }
}

fn lock() -> MutexGuard<'static, Threads> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

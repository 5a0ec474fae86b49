//! The thread that sees to it that calls which have to stop do.
//!
//! A plug-in's call can be cancelled only once it has begun, and a thread may be just about to begin
//! it. So it is told again and again until it is over.
//!
//! Must not know: why a call has to stop. Invariant: a call that was added ends, unless a host
//! function or the system holds it up; no other call is touched.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustler::ResourceArc;

use crate::call::Call;
use crate::worker;

/// How long after the first time a call is told again; after that always twice as long, up to the last.
const PERIOD_MIN: Duration = Duration::from_millis(1);
const PERIOD_MAX: Duration = Duration::from_millis(32);

struct Canceller {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    calls: Vec<ResourceArc<Call>>,
    /// How long until they are told again.
    period: Duration,
    started: bool,
}

static CANCELLER: Canceller = Canceller {
    state: Mutex::new(State {
        calls: Vec::new(),
        period: PERIOD_MIN,
        started: false,
    }),
    wake: Condvar::new(),
};

/// Sees to it that this call, which knows that it has to stop, does.
pub(crate) fn add(call: ResourceArc<Call>) {
    let mut state = lock();
    state.calls.push(call);
    state.period = PERIOD_MIN;
    if !state.started {
        state.started = worker::spawn("extism-cancel", pursue).is_ok();
    }
    CANCELLER.wake.notify_one();
}

fn pursue() {
    let mut state = lock();
    loop {
        let mut calls = std::mem::take(&mut state.calls);
        drop(state);
        calls.retain(|call| Call::pursue(call) == Pursuit::GoesOn);
        state = lock();
        let is_new = !state.calls.is_empty();
        state.calls.append(&mut calls);
        if is_new {
            continue;
        }
        if state.calls.is_empty() {
            let woken = CANCELLER.wake.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let period = state.period;
        state.period = PERIOD_MAX.min(2 * period);
        let woken = CANCELLER.wake.wait_timeout(state, period);
        state = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Whether a call has to be told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pursuit {
    GoesOn,
    IsOver,
}

fn lock() -> MutexGuard<'static, State> {
    CANCELLER
        .state
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

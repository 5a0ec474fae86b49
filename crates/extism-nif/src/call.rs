//! One request of a process: it is worked on by a thread, and answered by message.
//!
//! Messages are `{extism, Reference, Event}`, where an event is `{ok, Value}`, `{error, Failure}`, or
//! one of those that may come before: `{host, …}`, `{log, …}`.
//!
//! Must not know: what the work is. Invariants: exactly one of `ok` and `error` is sent, from a
//! thread of ours; a call that has to stop never stops another one.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use extism_binding::{Lender, Place, Ticket};
use extism_runtime::{CancelHandle, Error, Status};
use rustler::{Encoder, Env, LocalPid, Monitor, OwnedEnv, Resource, ResourceArc, Term};

use crate::canceller::{self, Pursuit};
use crate::cell::Cell;
use crate::error::Failure;
use crate::request::Request;
use crate::stats::Live;
use crate::term::Kept;
use crate::{janitor, worker};

rustler::atoms! {
    error,
    extism,
    ok,
}

/// What the work comes to: a term, made where it is sent from.
pub(crate) type Answer = Box<dyn for<'a> FnOnce(Env<'a>) -> Term<'a> + Send>;

/// What a thread does for a call; what is left to do after that, by whichever thread, is its ending.
pub(crate) type Work = Box<dyn FnOnce(&ResourceArc<Call>) -> Ending + Send>;

/// The last part of the work for a call.
pub(crate) type Ending = Box<dyn FnOnce() -> Result<Answer, Failure> + Send>;

/// The same, and the answer to the caller.
pub(crate) type Rest = Box<dyn FnOnce() + Send>;

/// Work of which nothing is left for later.
pub(crate) fn at_once(
    work: impl FnOnce(&ResourceArc<Call>) -> Result<Answer, Failure> + Send + 'static,
) -> Work {
    Box::new(move |call| {
        let done = work(call);
        Box::new(move || done)
    })
}

/// A value as an answer.
pub(crate) fn answer(value: impl Encoder + Send + 'static) -> Result<Answer, Failure> {
    Ok(Box::new(move |env| value.encode(env)))
}

/// What a native function that begins a call gives back.
pub(crate) type Started = Result<ResourceArc<Call>, Failure>;

/// Whether a caller that does not want to wait any more has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It is answered when the work is over, which it soon will be.
    Waits,
    /// It is answered at once; what the work comes to is dropped.
    Goes,
}

pub(crate) struct Call {
    caller: LocalPid,
    reference: Kept,
    leaving: Leaving,
    /// The code of the status it was stopped with; 0 while it was not.
    stopped: AtomicU32,
    inner: Mutex<Inner>,
    _live: Live,
}

struct Inner {
    /// Until a thread takes it.
    work: Option<Work>,
    /// Itself, until it is answered.
    this: Option<ResourceArc<Call>>,
    monitor: Option<Monitor>,
    /// While a plug-in runs.
    running: Option<CancelHandle>,
    /// While a host function runs.
    request: Option<Arc<Request>>,
    /// What it may be waiting for, until it is answered.
    ticket: Option<Ticket>,
}

#[rustler::resource_impl]
impl Resource for Call {
    const IMPLEMENTS_DOWN: bool = true;

    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.stop(Status::Cancelled);
    }
}

thread_local! {
    static CURRENT: RefCell<Option<ResourceArc<Call>>> = const { RefCell::new(None) };
}

/// The call the calling thread works on.
pub(crate) fn current() -> Option<ResourceArc<Call>> {
    CURRENT.with_borrow(Option::clone)
}

/// Begins a call for the calling process.
pub(crate) fn start(env: Env<'_>, reference: Kept, leaving: Leaving, work: Work) -> Started {
    begin(Call::new(env, reference, leaving, Some(work)))
}

/// As [`start`], for work with a plug-in, which is told which call it is for.
pub(crate) fn start_with(env: Env<'_>, reference: Kept, cell: &Cell, work: Work) -> Started {
    let call = Call::new(env, reference, Leaving::Waits, Some(work));
    cell.set_call(call.clone());
    begin(call)
}

/// As [`start`], for work with a plug-in of a pool: the call waits for that without a thread.
pub(crate) fn start_borrowing(
    env: Env<'_>,
    reference: Kept,
    (lender, timeout): (Lender, Duration),
    work: impl FnOnce(&ResourceArc<Call>, Place) -> Result<Answer, Failure> + Send + 'static,
) -> Started {
    worker::ensure().map_err(|error| no_thread(&error))?;
    let call = Call::new(env, reference, Leaving::Goes, None);
    let own = call.clone();
    let asked = lender.ask(timeout, move |place| match place {
        Ok(place) => Call::proceed(own, at_once(move |call| work(call, place))),
        Err(late) => own.finish(Err(late.into())),
    });
    match asked {
        Ok(ticket) => {
            call.keep(ticket);
            Ok(call)
        }
        Err(error) => {
            call.forget();
            Err(error.into())
        }
    }
}

fn begin(call: ResourceArc<Call>) -> Started {
    match worker::run(call.clone()) {
        Ok(()) => Ok(call),
        Err(error) => {
            call.forget();
            Err(no_thread(&error))
        }
    }
}

fn no_thread(error: &io::Error) -> Failure {
    let text = format!("no thread for the call: {error}");
    Failure::new(Status::Internal, text)
}

/// Begins a call that waits until everything is dropped that is to be dropped.
#[rustler::nif]
fn settle(env: Env<'_>, reference: Kept) -> Started {
    let work = at_once(|_| answer(ok()));
    let call = Call::new(env, reference, Leaving::Waits, Some(work));
    if janitor::run(call.clone()) {
        return Ok(call);
    }
    call.forget();
    Err(Failure::new(Status::Internal, "no thread"))
}

/// Stops a call; `timeout` says with which status.
#[rustler::nif]
fn call_stop(call: ResourceArc<Call>, timeout: bool) -> rustler::Atom {
    call.stop(if timeout {
        Status::Timeout
    } else {
        Status::Cancelled
    });
    ok()
}

impl Call {
    fn new(
        env: Env<'_>,
        reference: Kept,
        leaving: Leaving,
        work: Option<Work>,
    ) -> ResourceArc<Call> {
        let caller = env.pid();
        let call = ResourceArc::new(Call {
            caller,
            reference,
            leaving,
            stopped: AtomicU32::new(0),
            inner: Mutex::new(Inner {
                work,
                this: None,
                monitor: None,
                running: None,
                request: None,
                ticket: None,
            }),
            _live: Live::call(),
        });
        let monitor = call.monitor(Some(env), &caller);
        let mut inner = call.lock();
        inner.monitor = monitor;
        inner.this = Some(call.clone());
        drop(inner);
        call
    }

    /// There is work to do for a call that began without any; unless it was stopped meanwhile.
    fn proceed(this: ResourceArc<Call>, work: Work) {
        let mut inner = this.lock();
        if inner.this.is_none() {
            drop(inner);
            return drop(work);
        }
        inner.work = Some(work);
        drop(inner);
        if let Err(error) = worker::run(this.clone()) {
            this.refuse(&error);
        }
    }

    /// Keeps a ticket until it is answered.
    fn keep(&self, ticket: Ticket) {
        let mut inner = self.lock();
        if inner.this.is_some() {
            inner.ticket = Some(ticket);
            return;
        }
        drop(inner);
        janitor::discard(ticket);
    }

    /// It was not begun after all.
    fn forget(&self) {
        let mut inner = self.lock();
        let (work, this) = (inner.work.take(), inner.this.take());
        drop(inner);
        drop((work.map(janitor::discard), this));
    }

    /// It cannot be begun. Said by a thread of ours.
    pub(crate) fn refuse(&self, error: &io::Error) {
        let work = self.lock().work.take();
        drop(work);
        self.finish(Err(no_thread(error)));
    }

    /// Does the work, unless somebody was quicker to stop it; what is left to do.
    pub(crate) fn run(this: ResourceArc<Call>) -> Rest {
        let Some(work) = this.lock().work.take() else {
            return Box::new(move || drop(this));
        };
        let outer = CURRENT.replace(Some(this.clone()));
        // What a panic leaves behind is dropped by whoever held it.
        let worked = catch_unwind(AssertUnwindSafe(|| work(&this)));
        let current = CURRENT.replace(outer);
        Box::new(move || {
            let done = worked.and_then(|ending| catch_unwind(AssertUnwindSafe(ending)));
            let panicked = |_| Err(Failure::new(Status::Panic, "the library panicked"));
            this.finish(done.unwrap_or_else(panicked));
            drop(current);
        })
    }

    /// Whether and how it was stopped.
    pub(crate) fn stopped(&self) -> Option<Failure> {
        let status = Status::from_code(self.stopped.load(Ordering::Acquire))?;
        (status != Status::Ok).then(|| Failure::stopped(status))
    }

    /// A plug-in is about to run for this call.
    pub(crate) fn enter(&self, plugin: CancelHandle) -> Result<(), Failure> {
        let mut inner = self.lock();
        if let Some(stopped) = self.stopped() {
            return Err(stopped);
        }
        inner.running = Some(plugin);
        Ok(())
    }

    /// It does not any more.
    pub(crate) fn leave(&self) {
        self.lock().running = None;
    }

    /// A host function runs for this call, or none does any more.
    pub(crate) fn set_request(&self, request: Option<Arc<Request>>) {
        self.lock().request = request;
    }

    /// Asks it to stop. From any thread.
    pub(crate) fn stop(&self, status: Status) {
        let stopped = &self.stopped;
        _ = stopped.compare_exchange(0, status.code(), Ordering::AcqRel, Ordering::Acquire);
        let this = {
            let inner = self.lock();
            if let Some(plugin) = &inner.running {
                plugin.cancel();
            }
            if let Some(request) = &inner.request {
                request.wake();
            }
            inner.this.clone()
        };
        this.map(canceller::add).unwrap_or_default();
    }

    /// One more attempt at stopping it.
    pub(crate) fn pursue(this: &ResourceArc<Call>) -> Pursuit {
        let mut inner = this.lock();
        let work = inner.work.take();
        if inner.this.is_none() {
            return Pursuit::IsOver;
        }
        if let Some(plugin) = &inner.running {
            plugin.cancel();
        }
        drop(inner);
        if work.is_none() && this.leaving == Leaving::Waits {
            return Pursuit::GoesOn;
        }
        drop(work);
        this.finish(Err(Failure::stopped(Status::Cancelled)));
        Pursuit::IsOver
    }

    /// Answers the caller, once.
    fn finish(&self, done: Result<Answer, Failure>) {
        let mut inner = self.lock();
        let Some(this) = inner.this.take() else {
            return;
        };
        let (monitor, ticket) = (inner.monitor.take(), inner.ticket.take());
        drop(inner);
        drop(ticket);
        if let Some(monitor) = monitor {
            this.demonitor(None, &monitor);
        }
        match done {
            Ok(answer) => self.send(|env| (ok(), answer(env)).encode(env)),
            Err(failure) => {
                let failure = match self.stopped() {
                    Some(stopped) if failure.status == Status::Cancelled => stopped,
                    _ => failure,
                };
                self.send(|env| (error(), failure).encode(env))
            }
        };
    }

    /// Sends an event to the caller; false if it is dead.
    pub(crate) fn send<'a>(&self, event: impl FnOnce(Env<'a>) -> Term<'a>) -> bool {
        let sent = OwnedEnv::new().send_and_clear(&self.caller, |env| {
            (extism(), self.reference.copy_to(env), event(env)).encode(env)
        });
        sent.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of work that was stopped while it waited.
pub(crate) fn check(call: &Call) -> Result<(), Error> {
    match call.stopped() {
        Some(stopped) => Err(stopped.into()),
        None => Ok(()),
    }
}

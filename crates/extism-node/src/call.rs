//! A job that a worker does for a JavaScript thread, which knows it by a number.
//!
//! Must not know: what the work is. Invariants: it is answered once, whatever becomes of it; asking
//! it to stop never stops another one.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use extism_binding::{Lender, Place, Ticket};
use extism_runtime::{Error, NextCall, Status};

use crate::error::Failure;
use crate::loan::Loan;
use crate::realm::{Event, Far, Value};
use crate::worker;

pub(crate) struct Call {
    pub(crate) number: u32,
    pub(crate) far: Arc<Far>,
    is_stopped: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What stops the plug-in, where one runs.
    next: Option<NextCall>,
    /// While a host function runs.
    request: Option<Arc<Request>>,
    /// What it may be waiting for.
    ticket: Option<Ticket>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

/// The call the calling thread works on.
pub(crate) fn current() -> Option<Arc<Call>> {
    CURRENT.with_borrow(Option::clone)
}

/// Begins a job. What it comes to is told to JavaScript as an event with this number.
pub(crate) fn start(
    far: &Arc<Far>,
    number: u32,
    next: Option<NextCall>,
    work: impl FnOnce(&Call) -> Result<Value, Failure> + Send + 'static,
) -> Result<Arc<Call>, Failure> {
    let call = Call::new(far, number, next);
    match call.run(work) {
        Ok(()) => Ok(call),
        Err(failure) => {
            far.end(&call);
            Err(failure)
        }
    }
}

/// As [`start`], for work with a plug-in of a pool: it waits for that without a thread.
pub(crate) fn start_borrowing(
    far: &Arc<Far>,
    number: u32,
    (lender, timeout): (Lender, Duration),
    work: impl FnOnce(&Call, Place) -> Result<Value, Failure> + Send + 'static,
) -> Result<(), Failure> {
    let call = Call::new(far, number, None);
    let own = Arc::clone(&call);
    let asked = lender.ask(timeout, move |place| {
        let begun = match place {
            Ok(place) => own.run(move |call| work(call, place)),
            Err(late) => Err(late.into()),
        };
        begun.unwrap_or_else(|failure| own.finish(Err(failure)));
    });
    match asked {
        Ok(ticket) => call.keep(ticket),
        Err(error) => {
            far.end(&call);
            return Err(error.into());
        }
    }
    Ok(())
}

impl Call {
    fn new(far: &Arc<Far>, number: u32, next: Option<NextCall>) -> Arc<Call> {
        let call = Arc::new(Call {
            number,
            far: Arc::clone(far),
            is_stopped: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                next,
                ..Inner::default()
            }),
        });
        far.begin(&call);
        call
    }

    /// Has a thread do the work.
    fn run(
        self: &Arc<Self>,
        work: impl FnOnce(&Call) -> Result<Value, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let own = Arc::clone(self);
        worker::run(Box::new(move || {
            CURRENT.set(Some(Arc::clone(&own)));
            // What a panic leaves behind is dropped by whoever held it.
            let done = catch_unwind(AssertUnwindSafe(|| work(&own)));
            CURRENT.set(None);
            let panicked = |_| Err(Failure::new(Status::Panic, "the library panicked"));
            own.finish(done.unwrap_or_else(panicked));
        }))
    }

    /// Answers JavaScript.
    fn finish(self: &Arc<Self>, result: Result<Value, Failure>) {
        self.far.end(self);
        self.far.post(Event::Done {
            call: self.number,
            result,
        });
    }

    /// Keeps a ticket until it has to stop.
    fn keep(&self, ticket: Ticket) {
        let mut inner = self.lock();
        if !self.is_stopped() {
            inner.ticket = Some(ticket);
        }
    }

    /// Asks it to stop. From any thread.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        let mut inner = self.lock();
        if let Some(next) = &inner.next {
            next.cancel();
        }
        if let Some(request) = &inner.request {
            request.changed.notify_all();
        }
        let ticket = inner.ticket.take();
        drop(inner);
        drop(ticket);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Has JavaScript run a host function, and waits for what it answers.
    pub(crate) fn ask(&self, request: Arc<Request>) -> anyhow::Result<Vec<u64>> {
        self.lock().request = Some(Arc::clone(&request));
        let is_posted = self.far.post(Event::Host {
            call: self.number,
            request: Arc::clone(&request),
        });
        let answer = match is_posted {
            true => worker::wait(|| request.wait(self)),
            false => Err(Error::new(Status::Cancelled, "the JavaScript thread has ended").into()),
        };
        self.lock().request = None;
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host function that JavaScript is to run for a call.
pub(crate) struct Request {
    pub(crate) function: u32,
    pub(crate) signature: u32,
    pub(crate) arguments: Vec<u64>,
    pub(crate) results: usize,
    pub(crate) loan: Arc<Loan>,
    answer: Mutex<Option<Result<Vec<u64>, String>>>,
    changed: Condvar,
}

/// How long the thread waits before it looks whether time is up.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl Request {
    pub(crate) fn new(
        (function, signature): (u32, u32),
        arguments: Vec<u64>,
        results: usize,
        loan: &Arc<Loan>,
    ) -> Arc<Request> {
        Arc::new(Request {
            function,
            signature,
            arguments,
            results,
            loan: Arc::clone(loan),
            answer: Mutex::new(None),
            changed: Condvar::new(),
        })
    }

    /// Gives the results, or the message of what was thrown.
    pub(crate) fn answer(&self, answer: Result<Vec<u64>, String>) {
        *self.lock() = Some(answer);
        self.changed.notify_all();
    }

    fn wait(&self, call: &Call) -> anyhow::Result<Vec<u64>> {
        let mut answer = self.lock();
        loop {
            if call.is_stopped() {
                anyhow::bail!(Error::new(Status::Cancelled, "timeout"));
            }
            let look = |plugin: &mut extism_runtime::CurrentPlugin<'_>| {
                (plugin.must_stop(), plugin.time_remaining())
            };
            // Not under the lock of the answer: the plug-in may be busy with what JavaScript asks
            // of it.
            drop(answer);
            let (must_stop, left) = self.loan.borrow(look).unwrap_or((true, None));
            answer = self.lock();
            if must_stop {
                anyhow::bail!(Error::new(Status::Timeout, "timeout"));
            }
            // After the look at the clock: what is answered too late is of no use to the plug-in.
            if let Some(answer) = answer.take() {
                return answer.map_err(anyhow::Error::msg);
            }
            let left = left.unwrap_or(LOOK_INTERVAL);
            let left = left.clamp(Duration::from_millis(1), LOOK_INTERVAL);
            let waited = self.changed.wait_timeout(answer, left);
            answer = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Result<Vec<u64>, String>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A host function that is running: the thread of the call waits here for the answer of a process, and
//! does meanwhile what the process asks for, since only the thread may touch the plug-in.
//!
//! Must not know: which function it is. Invariants: whoever asks is answered, with an error if the function
//! is over; a call that has to stop waits for nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use extism_runtime::{CurrentPlugin, Error, Status};
use rustler::types::atom::{Atom, undefined};
use rustler::{Encoder, Env, LocalPid, OwnedEnv, Resource, ResourceArc, Term};

use crate::call::{self, Answer, Call, answer, error, ok};
use crate::error::Failure;
use crate::term::{Bytes, Kept, List, owned};
use crate::value::{Outcome, Type, infinity};
use crate::worker;

rustler::atoms! {
    alloc,
    free,
    length,
    read,
    set_error,
    store,
    var_get,
    var_remove,
    var_set,
    write,
}

/// How long the thread waits before it looks whether time is up.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct Request {
    call: ResourceArc<Call>,
    results: Arc<[Type]>,
    /// About when the call's time is up, for those who want to know.
    deadline: Option<Instant>,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    questions: VecDeque<Question>,
    answer: Option<Result<Vec<Outcome>, String>>,
    is_over: bool,
}

/// Something a process wants of the plug-in.
struct Question {
    from: LocalPid,
    tag: Kept,
    operation: Operation,
}

enum Operation {
    Alloc(u64),
    Store(Bytes),
    Read(u64),
    Write(u64, Bytes),
    Length(u64),
    Free(u64),
    VarGet(String),
    VarSet(String, Bytes),
    VarRemove(String),
    SetError(String),
}

/// What processes hold.
pub(crate) struct Handle(pub(crate) Arc<Request>);

#[rustler::resource_impl]
impl Resource for Handle {}

enum Next {
    Question(Question),
    Answer(Result<Vec<Outcome>, String>),
    Stopped(Error),
}

impl Request {
    pub(crate) fn new(
        call: ResourceArc<Call>,
        results: Arc<[Type]>,
        plugin: &CurrentPlugin<'_>,
    ) -> Arc<Request> {
        let deadline = plugin.time_remaining();
        Arc::new(Request {
            call,
            results,
            deadline: deadline.and_then(|left| Instant::now().checked_add(left)),
            inner: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Serves the process until it answers, or the call has to stop.
    pub(crate) fn serve(&self, plugin: &mut CurrentPlugin<'_>) -> anyhow::Result<Vec<Outcome>> {
        let serve = || loop {
            match self.next(plugin) {
                Next::Question(question) => {
                    let done = question.operation.run(plugin);
                    reply(&question.from, &question.tag, done);
                }
                Next::Answer(answer) => break answer.map_err(anyhow::Error::msg),
                Next::Stopped(error) => break Err(error.into()),
            }
        };
        let answer = worker::wait(serve);
        self.end();
        answer
    }

    fn next(&self, plugin: &CurrentPlugin<'_>) -> Next {
        let mut inner = self.lock();
        loop {
            if let Some(question) = inner.questions.pop_front() {
                return Next::Question(question);
            }
            // Before the look at the call: who is asked to stop in between is not late.
            let must_stop = plugin.must_stop();
            if let Err(stopped) = call::check(&self.call) {
                return Next::Stopped(stopped);
            }
            if must_stop {
                return Next::Stopped(Error::new(Status::Timeout, "timeout"));
            }
            // After the look at the clock: what is answered too late is of no use to the plug-in.
            if let Some(answer) = inner.answer.take() {
                return Next::Answer(answer);
            }
            let left = plugin.time_remaining().unwrap_or(LOOK_INTERVAL);
            let left = left.clamp(Duration::from_millis(1), LOOK_INTERVAL);
            let waited = self.changed.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing is served any more.
    pub(crate) fn end(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        let questions = std::mem::take(&mut inner.questions);
        drop(inner);
        for question in questions {
            reply(&question.from, &question.tag, Err(over()));
        }
    }

    /// Makes the thread look whether the call was stopped.
    pub(crate) fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) -> Result<Atom, Failure> {
        let mut inner = self.lock();
        if inner.is_over {
            return Err(over());
        }
        change(&mut inner);
        drop(inner);
        self.changed.notify_all();
        Ok(ok())
    }

    /// Whether the thread has stopped waiting, or is about to: only it can read the call's clock.
    fn must_stop(&self) -> bool {
        self.call.stopped().is_some() || self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over() -> Failure {
    Failure::new(Status::Closed, "the host function is over")
}

fn reply(to: &LocalPid, tag: &Kept, done: Result<Answer, Failure>) {
    // Whoever asked may be dead.
    _ = OwnedEnv::new().send_and_clear(to, |env| {
        let done = match done {
            Ok(answer) => (ok(), answer(env)).encode(env),
            Err(failure) => (error(), failure).encode(env),
        };
        (tag.copy_to(env), done).encode(env)
    });
}

impl Operation {
    fn read(term: Term<'_>) -> Option<Operation> {
        if let Ok((name, handle, bytes)) = term.decode::<(Atom, u64, Bytes)>() {
            return (name == write()).then_some(Operation::Write(handle, bytes));
        }
        if let Ok((name, variable, bytes)) = term.decode::<(Atom, String, Bytes)>() {
            return (name == var_set()).then_some(Operation::VarSet(variable, bytes));
        }
        let (name, what) = term.decode::<(Atom, Term<'_>)>().ok()?;
        let number = || what.decode::<u64>().ok();
        let text = || what.decode::<String>().ok();
        match name {
            name if name == alloc() => number().map(Operation::Alloc),
            name if name == read() => number().map(Operation::Read),
            name if name == length() => number().map(Operation::Length),
            name if name == free() => number().map(Operation::Free),
            name if name == store() => what.decode().ok().map(Operation::Store),
            name if name == var_get() => text().map(Operation::VarGet),
            name if name == var_remove() => text().map(Operation::VarRemove),
            name if name == set_error() => text().map(Operation::SetError),
            _ => None,
        }
    }

    fn run(self, plugin: &mut CurrentPlugin<'_>) -> Result<Answer, Failure> {
        match self {
            Operation::Alloc(bytes) => answer(plugin.alloc(bytes)?),
            Operation::Store(bytes) => answer(bytes.read(|bytes| plugin.store(bytes))?),
            Operation::Length(handle) => answer(plugin.length(handle)),
            Operation::Read(handle) => {
                let bytes = owned(plugin.bytes(handle)?);
                Ok(Box::new(move |env| bytes.release(env).to_term(env)))
            }
            Operation::Write(handle, bytes) => {
                let written = bytes.read(|bytes| {
                    let block = plugin.bytes_mut(handle)?;
                    let Some(place) = block.get_mut(..bytes.len()) else {
                        let text = format!("{} bytes do not fit into the block", bytes.len());
                        return Err(Failure::invalid(text));
                    };
                    place.copy_from_slice(bytes);
                    Ok(())
                });
                written.and_then(|()| answer(ok()))
            }
            Operation::Free(handle) => {
                plugin.free(handle);
                answer(ok())
            }
            Operation::VarGet(name) => match plugin.vars().get(&name).map(|value| owned(value)) {
                Some(value) => Ok(Box::new(move |env| value.release(env).to_term(env))),
                None => answer(undefined()),
            },
            Operation::VarSet(name, value) => {
                plugin.vars_mut().insert(name, value.to_vec());
                answer(ok())
            }
            Operation::VarRemove(name) => {
                plugin.vars_mut().remove(&name);
                answer(ok())
            }
            Operation::SetError(text) => answer(plugin.set_error(&text)?),
        }
    }
}

/// Asks for something to be done with the plug-in; `{Tag, Done}` is sent to the calling process.
#[rustler::nif]
fn host_ask(
    env: Env<'_>,
    request: ResourceArc<Handle>,
    tag: Kept,
    operation: Term<'_>,
) -> Result<Atom, Failure> {
    let Some(operation) = Operation::read(operation) else {
        return Err(Failure::invalid("no operation of a host function"));
    };
    let from = env.pid();
    request.0.change(|inner| {
        let question = Question {
            from,
            tag,
            operation,
        };
        inner.questions.push_back(question);
    })
}

/// Ends a host function with its results; with an error if they are none, so that the plug-in does not wait.
#[rustler::nif]
fn host_return(request: ResourceArc<Handle>, results: Term<'_>) -> Result<Atom, Failure> {
    let types = &request.0.results;
    let read = || -> Result<Vec<Outcome>, String> {
        let List(results) = results
            .decode::<List<Term<'_>>>()
            .map_err(|_| format!("{results:?}, which is no list of results"))?;
        let count = results.len();
        if count != types.len() {
            return Err(format!("{count} results instead of {}", types.len()));
        }
        let both = types.iter().zip(results);
        both.map(|(ty, term)| Outcome::read(*ty, term)).collect()
    };
    let read = read().map_err(|text| format!("the host function gave {text}"));
    request.0.change(|inner| inner.answer = Some(read))
}

/// Ends a host function with an error.
#[rustler::nif]
fn host_fail(request: ResourceArc<Handle>, message: Bytes) -> Result<Atom, Failure> {
    let message = String::from_utf8_lossy(&message.to_vec()).into_owned();
    request.0.change(|inner| inner.answer = Some(Err(message)))
}

/// Whether what a host function answers still matters.
#[rustler::nif]
fn host_must_stop(request: ResourceArc<Handle>) -> bool {
    request.0.must_stop()
}

/// Milliseconds until the call's time is up, or `infinity`.
#[rustler::nif]
fn host_time_remaining<'a>(env: Env<'a>, request: ResourceArc<Handle>) -> Term<'a> {
    match request.0.deadline {
        None => infinity().encode(env),
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            u64::try_from(left.as_millis())
                .unwrap_or(u64::MAX)
                .encode(env)
        }
    }
}

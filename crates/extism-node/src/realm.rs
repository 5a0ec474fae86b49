//! One JavaScript thread and what belongs to it: the memory it shares with the addon, the functions
//! it is called back by, the plug-ins lent to it, and the events other threads have for it.
//!
//! Must not know: what calls do. Invariants: JavaScript is entered on its own thread only; once the
//! thread ends, nothing is posted to it and its calls are cancelled.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use extism_runtime::{CompiledPlugin, CurrentPlugin, Level};
use napi::bindgen_prelude::{Buffer, Either6, FnArgs, Function, FunctionRef, Uint8Array};
use napi::threadsafe_function::{
    ThreadsafeCallContext, ThreadsafeFunction, ThreadsafeFunctionCallMode,
};
use napi::{Env, Status as NodeStatus};
use napi_derive::napi;

use crate::call::{Call, Request};
use crate::cell::Cell as PluginCell;
use crate::compiled::Compiled;
use crate::error::{Failure, Thrown, refused};
use crate::loan::Loan;
use crate::plugin::Plugin;
use crate::window::Window;

/// Runs a host function of the call that JavaScript makes: `(function, signature, loan)`; what was
/// thrown, as text.
type Dispatch = FunctionRef<FnArgs<(u32, u32, u32)>, Option<String>>;

/// Receives a log message of the call that JavaScript makes: `(level, message, plugin)`.
type Log = FunctionRef<FnArgs<(u32, String, String)>, ()>;

/// What an event has for JavaScript: nothing, a number, a text, bytes, or something new.
pub(crate) type Payload = Either6<(), u32, String, Buffer, Compiled, Plugin>;

/// An event as JavaScript gets it: `(kind, call, first, second, number)`.
type Message = FnArgs<(u32, u32, Payload, Payload, u32)>;

/// Told the numbers of events. Not the events: those that are on their way when the thread ends are
/// forgotten by Node without being dropped.
type Receive = ThreadsafeFunction<u64, (), Message, NodeStatus, false, true, 0>;

/// Something a thread has for JavaScript.
pub(crate) enum Event {
    /// A job is over.
    Done {
        call: u32,
        result: Result<Value, Failure>,
    },
    /// A host function is to be run.
    Host { call: u32, request: Arc<Request> },
    /// A plug-in logs.
    Log {
        call: u32,
        level: Level,
        message: String,
        plugin: String,
    },
}

/// What a job comes to.
pub(crate) enum Value {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    Compiled(CompiledPlugin),
    Plugin(Arc<PluginCell>),
}

/// What other threads know of a JavaScript thread.
pub(crate) struct Far {
    receive: Receive,
    /// None once it has ended.
    events: Mutex<Option<Events>>,
    calls: Mutex<HashMap<usize, Arc<Call>>>,
}

/// Events that JavaScript has not received yet.
#[derive(Default)]
struct Events {
    by_number: HashMap<u64, Event>,
    last: u64,
}

impl Far {
    /// Tells JavaScript something; false if it has ended.
    pub(crate) fn post(&self, event: Event) -> bool {
        let mut events = self.events();
        let Some(open) = events.as_mut() else {
            return false;
        };
        open.last += 1;
        let number = open.last;
        open.by_number.insert(number, event);
        drop(events);
        let mode = ThreadsafeFunctionCallMode::NonBlocking;
        let is_posted = self.receive.call(number, mode) == NodeStatus::Ok;
        if !is_posted {
            drop(self.take(number));
        }
        is_posted
    }

    fn take(&self, number: u64) -> Option<Event> {
        self.events().as_mut()?.by_number.remove(&number)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.events().is_none()
    }

    pub(crate) fn begin(&self, call: &Arc<Call>) {
        self.lock().insert(key(call), Arc::clone(call));
    }

    pub(crate) fn end(&self, call: &Arc<Call>) {
        self.lock().remove(&key(call));
    }

    fn close(&self) {
        // What nobody receives may be a plug-in, and is let go with nothing locked.
        let events = self.events().take();
        drop(events);
        let calls = std::mem::take(&mut *self.lock());
        calls.values().for_each(|call| call.stop());
    }

    fn events(&self) -> MutexGuard<'_, Option<Events>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(call: &Arc<Call>) -> usize {
    Arc::as_ptr(call).addr()
}

/// A JavaScript thread, from its own side.
pub(crate) struct Near {
    env: Env,
    pub(crate) window: Window,
    /// Where JavaScript puts short inputs of its calls.
    pub(crate) input: Window,
    dispatch: Dispatch,
    log: Log,
    loans: RefCell<HashMap<u32, Arc<Loan>>>,
    requests: RefCell<HashMap<u32, Arc<Request>>>,
    last: Cell<u32>,
    far: OnceCell<Arc<Far>>,
}

thread_local! {
    /// Whose calls run on this thread, the innermost last.
    static CALLERS: RefCell<Vec<Rc<Near>>> = const { RefCell::new(Vec::new()) };
}

/// The JavaScript whose call runs on this thread.
pub(crate) fn caller() -> Option<Rc<Near>> {
    CALLERS.with_borrow(|callers| callers.last().cloned())
}

/// Ends a call on the JavaScript thread.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        CALLERS.with_borrow_mut(|callers| callers.pop());
    }
}

impl Near {
    pub(crate) fn far(&self) -> Result<&Arc<Far>, Thrown> {
        let far = self.far.get().filter(|far| !far.is_closed());
        Ok(far.ok_or_else(|| Failure::closed("JavaScript thread"))?)
    }

    /// Does something for JavaScript, here and now: host functions and log sinks that are reached
    /// meanwhile are its.
    pub(crate) fn enter<R>(self: &Rc<Near>, work: impl FnOnce() -> R) -> R {
        CALLERS.with_borrow_mut(|callers| callers.push(Rc::clone(self)));
        let _leave = Leave;
        work()
    }

    /// Runs a host function of the call on this thread.
    pub(crate) fn run(
        &self,
        (function, signature): (u32, u32),
        arguments: impl Iterator<Item = u64>,
        plugin: &mut CurrentPlugin<'_>,
    ) -> anyhow::Result<()> {
        if !self.window.put_slots(arguments) {
            anyhow::bail!("the host function has too many arguments");
        }
        let thrown = Loan::lend(plugin, |loan| {
            let number = self.next();
            self.loans.borrow_mut().insert(number, Arc::clone(loan));
            let dispatch = self.dispatch.borrow_back(&self.env);
            let thrown = dispatch.and_then(|run| run.call((function, signature, number).into()));
            self.loans.borrow_mut().remove(&number);
            thrown
        });
        match thrown {
            Ok(None) => Ok(()),
            Ok(Some(message)) => anyhow::bail!(message),
            // JavaScript is being ended.
            Err(error) => anyhow::bail!(error.reason.clone()),
        }
    }

    pub(crate) fn log(&self, level: Level, message: &str, plugin: String) {
        let log = self.log.borrow_back(&self.env);
        // What it throws is not the plug-in's affair.
        _ = log.and_then(|log| log.call((level as u32, message.to_owned(), plugin).into()));
    }

    pub(crate) fn loan(&self, number: u32) -> Option<Arc<Loan>> {
        self.loans.borrow().get(&number).cloned()
    }

    /// Takes a request that is answered, or not going to be.
    pub(crate) fn take_request(&self, number: u32) -> Option<Arc<Request>> {
        self.loans.borrow_mut().remove(&number);
        self.requests.borrow_mut().remove(&number)
    }

    fn next(&self) -> u32 {
        let next = self.last.get().wrapping_add(1);
        self.last.set(next);
        next
    }

    /// Takes an event that was told to JavaScript.
    fn receive(self: &Rc<Near>, number: u64) -> napi::Result<Message> {
        let event = self.far.get().and_then(|far| far.take(number));
        let event = event.ok_or_else(|| napi::Error::from_reason("no such event"))?;
        self.message(event)
    }

    /// An event as JavaScript gets it.
    fn message(self: &Rc<Near>, event: Event) -> napi::Result<Message> {
        let nothing = || Payload::A(());
        Ok(match event {
            Event::Done {
                call,
                result: Ok(value),
            } => {
                let value = match value {
                    Value::Nothing => nothing(),
                    Value::Text(text) => Payload::C(text),
                    Value::Bytes(bytes) => Payload::D(bytes.into()),
                    Value::Compiled(compiled) => Payload::E(Compiled::new(self, compiled)),
                    Value::Plugin(cell) => Payload::F(Plugin::new(self, cell)),
                };
                (0, call, value, nothing(), 0).into()
            }
            Event::Done {
                call,
                result: Err(failure),
            } => (
                1,
                call,
                Payload::C(failure.code()),
                Payload::C(failure.message),
                0,
            )
                .into(),
            Event::Host { call, request } => {
                let number = self.next();
                if !self.window.put_slots(request.arguments.iter().copied()) {
                    request.answer(Err("the host function has too many arguments".to_owned()));
                }
                let (function, signature) = (request.function, request.signature);
                self.loans
                    .borrow_mut()
                    .insert(number, Arc::clone(&request.loan));
                self.requests.borrow_mut().insert(number, request);
                (2, call, Payload::B(function), Payload::B(signature), number).into()
            }
            Event::Log {
                call,
                level,
                message,
                plugin,
            } => (
                3,
                call,
                Payload::C(message),
                Payload::C(plugin),
                level as u32,
            )
                .into(),
        })
    }
}

/// A JavaScript thread's way in.
#[napi]
pub struct Realm {
    pub(crate) near: Rc<Near>,
}

#[napi]
impl Realm {
    /// Begins: with memory to share, one for short inputs, and the functions to be called back by.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        memory: Uint8Array,
        input: Uint8Array,
        dispatch: Function<'_, FnArgs<(u32, u32, u32)>, Option<String>>,
        log: Function<'_, FnArgs<(u32, String, String)>, ()>,
        receive: Function<'_, Message, ()>,
    ) -> Result<Realm, Thrown> {
        let near = Rc::new(Near {
            env,
            window: Window::new(memory),
            input: Window::new(input),
            dispatch: dispatch.create_ref().map_err(refused)?,
            log: log.create_ref().map_err(refused)?,
            loans: RefCell::default(),
            requests: RefCell::default(),
            last: Cell::new(0),
            far: OnceCell::new(),
        });
        let own = Rc::clone(&near);
        let receive = receive
            .build_threadsafe_function::<u64>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(move |context: ThreadsafeCallContext<u64>| own.receive(context.value))
            .map_err(refused)?;
        let far = Arc::new(Far {
            receive,
            events: Mutex::new(Some(Events::default())),
            calls: Mutex::default(),
        });
        near.far.get_or_init(|| Arc::clone(&far));
        env.add_env_cleanup_hook(far, |far| far.close())
            .map_err(refused)?;
        Ok(Realm { near })
    }

    /// Ends a host function with the results in the shared memory.
    #[napi]
    pub fn host_return(&self, request: u32) {
        if let Some(request) = self.near.take_request(request) {
            let results = (0..request.results).map(|at| self.near.window.slot(at));
            request.answer(Ok(results.collect()));
        }
    }

    /// Ends a host function with the message of what it threw.
    #[napi]
    pub fn host_fail(&self, request: u32, message: String) {
        if let Some(request) = self.near.take_request(request) {
            request.answer(Err(message));
        }
    }
}

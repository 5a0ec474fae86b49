//! A plug-in: an instance that can be called.
//!
//! The call path allocates nothing, takes no lock and hands nothing to another thread: kernel memory is
//! reset, the input copied in, the export found and entered by a typed call, the output read in place.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use extism_kernel::Range;
use uuid::Uuid;
use wasmtime::{Instance, RootScope, Store, Val};

use crate::Status;
use crate::call::cancel::{CancelHandle, NextCall};
use crate::call::export::{Export, Exports, START};
use crate::call::outcome::{self, CODE_FAILED, Outcome};
use crate::call::token::Token;
use crate::call::{depth, dump, start};
use crate::compiled::CompiledPlugin;
use crate::error::Error;
use crate::instance::{Failed, instantiate, store_of};
use crate::kernel::memory;
use crate::log::LogSink;
use crate::options::Options;
use crate::pool::Pooled;
use crate::source::Source;
use crate::state::{ContextPointer, HostContext, State};
use crate::stats::Live;

/// A plug-in that can be called. It may move between threads; one thread calls it at a time.
///
/// ```
/// use extism_runtime::{Options, Plugin};
///
/// // Copies its input to its output.
/// let wat = r#"(module
///     (import "extism:host/env" "input_offset" (func $offset (result i64)))
///     (import "extism:host/env" "input_length" (func $length (result i64)))
///     (import "extism:host/env" "output_set" (func $output (param i64 i64)))
///     (func (export "echo") (call $output (call $offset) (call $length))))"#;
/// let mut plugin = Plugin::load(wat, Options::default())?;
/// assert_eq!(plugin.call("echo", b"hello").code, 0);
/// assert_eq!(plugin.output(), b"hello");
/// # Ok::<(), extism_runtime::Error>(())
/// ```
pub struct Plugin {
    id: Uuid,
    store: Store<State>,
    /// Missing only while the manifest's `max_pages` is too small for what the modules declare.
    instance: Option<Instance>,
    stage: Stage,
    exports: Exports,
    token: Arc<Token>,
    call_depth_max: u32,
    stack_bytes_max: usize,
    fuel: Option<u64>,
    output: Range,
    /// Whether a call ended other than by returning since the instance was made.
    damaged: bool,
    _live: Live,
}

/// How far the instance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Made; the language runtime of its main module has not been initialised.
    Made,
    /// Initialised.
    Ready,
    /// At its end: a command that ran, or an initialisation that failed. The next call starts with
    /// a fresh one.
    Ended,
}

impl Plugin {
    /// Loads, compiles and instantiates a plug-in.
    ///
    /// # Errors
    /// As [`CompiledPlugin::new`] and [`Plugin::new`].
    pub fn load<'a>(source: impl Into<Source<'a>>, options: Options) -> Result<Plugin, Error> {
        Plugin::new(&CompiledPlugin::new(source, options)?)
    }

    /// An instance of a compiled plug-in.
    ///
    /// # Errors
    /// 3xx when an import has the wrong type, 4xx when a start function traps, 5xx when the limits
    /// do not allow what the modules declare, [`Status::NotFound`] when a folder of `allowed_paths`
    /// cannot be opened, [`Status::CallDepth`] when host functions of too many plug-ins have had it made.
    pub fn new(compiled: &CompiledPlugin) -> Result<Plugin, Error> {
        let compiled = &compiled.0;
        let limits = &compiled.options.limits;
        // Its start functions run now.
        let _level = depth::enter(limits.call_depth_max, limits.stack_bytes_max)?;
        let id = Uuid::new_v4();
        let token = Token::new(compiled.linked.engine().clone(), compiled.call_time_max);
        let made = match token.begin() {
            true => instantiate(State::new(compiled, id, Arc::clone(&token))),
            false => return Err(outcome::unwatched()),
        };
        token.end();
        let (store, instance) = match made {
            Ok((store, instance)) => (store, Some(instance)),
            // As the published library has it, such a plug-in can be made, and its calls say `oom`.
            Err(failed)
                if failed.error.status() == Status::Memory
                    && failed.state.meter.0.is_bound_by_manifest() =>
            {
                (store_of(compiled.linked.engine(), failed.state), None)
            }
            Err(failed) => return Err(failed.error),
        };
        Ok(Plugin {
            id,
            stage: match instance {
                Some(_) => Stage::Made,
                None => Stage::Ended,
            },
            store,
            instance,
            exports: Exports::default(),
            token,
            call_depth_max: limits.call_depth_max,
            stack_bytes_max: limits.stack_bytes_max,
            fuel: compiled.options.fuel,
            output: Range::default(),
            damaged: false,
            _live: Live::plugin(),
        })
    }

    /// The plug-in's identity, as it appears in its log messages.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the plug-in was made from.
    pub fn compiled(&self) -> CompiledPlugin {
        CompiledPlugin(Arc::clone(&self.store.data().compiled))
    }

    /// Calls an exported function. What it put out is then at [`Plugin::output`]. A name that is not
    /// UTF-8 is an error like that of a function that does not exist.
    #[inline]
    pub fn call(&mut self, name: impl AsRef<[u8]>, input: &[u8]) -> Outcome {
        let outcome = self.run(name.as_ref(), input);
        if outcome.error.is_some() {
            dump::memory(&self.store);
        }
        outcome
    }

    /// As [`Plugin::call`], with a value for the host functions that the plug-in calls meanwhile.
    pub fn call_with_context(
        &mut self,
        name: impl AsRef<[u8]>,
        input: &[u8],
        context: Box<dyn Any + Send + Sync>,
    ) -> Outcome {
        self.call_in(name.as_ref(), input, HostContext::Value(context))
    }

    /// As [`Plugin::call`], with a pointer for the host functions that the plug-in calls meanwhile.
    /// It is not followed.
    pub fn call_with_pointer(
        &mut self,
        name: impl AsRef<[u8]>,
        input: &[u8],
        context: *mut c_void,
    ) -> Outcome {
        let context = HostContext::Pointer(ContextPointer(context));
        self.call_in(name.as_ref(), input, context)
    }

    fn call_in(&mut self, name: &[u8], input: &[u8], context: HostContext) -> Outcome {
        self.store.data_mut().host_context = context;
        let outcome = self.call(name, input);
        self.store.data_mut().host_context = HostContext::None;
        outcome
    }

    /// The output of the last call; empty after one that failed before it had any. Valid until the next call.
    pub fn output(&self) -> &[u8] {
        let Some(memory) = self.store.data().memory else {
            return &[];
        };
        memory::bytes(memory.data(&self.store), self.output).unwrap_or_default()
    }

    /// Whether the plug-in exports a function of this name that [`Plugin::call`] can call for a
    /// code or nothing.
    pub fn has_function(&mut self, name: &str) -> bool {
        let Some(instance) = &self.instance else {
            return self.compiled().has_function(name);
        };
        let export = self
            .exports
            .find(&mut self.store, instance, name.as_bytes());
        matches!(export, Ok(Export::Code(_) | Export::Unit(_)))
    }

    /// A handle to cancel this plug-in's calls from other threads.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::clone(&self.token))
    }

    /// What cancels the next call, even before it has begun: for hosts whose calls wait for a thread.
    pub fn next_call(&self) -> NextCall {
        NextCall::of(&self.token)
    }

    /// Whether the next call reads its input before anything of the plug-in, or of its host
    /// functions, runs. If not, the instance has to be initialised first.
    pub fn is_initialized(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Overwrites what the last call left in kernel memory with zeros: input, output, error and every block.
    /// The last HTTP response is forgotten.
    pub fn reset(&mut self) {
        self.output = Range::default();
        self.store.data_mut().http.forget();
        if let Some(memory) = self.store.data().memory {
            memory::wipe(&mut self.store, memory);
        }
    }

    /// Makes the plug-in as new: a fresh instance, no variables, the configuration of the manifest.
    /// Its identity, its cancel handles and its log sink stay.
    ///
    /// # Errors
    /// As [`Plugin::new`]; the plug-in is then as it was.
    pub fn renew(&mut self) -> Result<(), Error> {
        let _level = depth::enter(self.call_depth_max, self.stack_bytes_max)?;
        self.output = Range::default();
        if !self.begin() {
            return Err(outcome::unwatched());
        }
        let mut state = self.fresh_state();
        state.swap_wiring(self.store.data_mut());
        let installed = self.install(state);
        self.token.end();
        match installed {
            Ok(()) => {
                self.store.data_mut().http.forget();
                Ok(())
            }
            Err(mut failed) => {
                self.store.data_mut().swap_wiring(&mut failed.state);
                Err(failed.error)
            }
        }
    }

    /// Whether a call trapped, was stopped, exited or panicked since the instance was made: its memory may
    /// be in disorder.
    pub fn is_damaged(&self) -> bool {
        self.damaged || self.token.is_running()
    }

    /// Whether the plug-in is made anew once it is back in its pool, since it is damaged or its borrower
    /// changed more than a call does.
    fn needs_renewal(&self) -> bool {
        self.store.data().changed || self.is_damaged()
    }

    /// Changes configuration values; `None` removes one.
    pub fn configure(&mut self, changes: impl IntoIterator<Item = (String, Option<String>)>) {
        let state = self.store.data_mut();
        state.changed = true;
        let config = &mut state.config;
        for (key, value) in changes {
            match value {
                Some(value) => config.insert(key, value),
                None => config.remove(&key),
            };
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> &BTreeMap<String, String> {
        &self.store.data().config
    }

    /// The plug-in's variables.
    pub fn vars(&self) -> &BTreeMap<String, Vec<u8>> {
        self.store.data().vars.map()
    }

    /// The plug-in's variables, to change. The host is not bound by the plug-in's limit, but what
    /// it stores counts.
    pub fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.store.data_mut().vars_mut()
    }

    /// Lets the plug-in see the headers of HTTP responses from now on.
    pub fn allow_http_response_headers(&mut self) {
        let state = self.store.data_mut();
        state.changed = true;
        state.http.headers.get_or_insert_default();
    }

    /// Where this plug-in's log messages go, beside the process-wide log; `None`: nowhere else.
    pub fn set_log_sink(&mut self, sink: Option<LogSink>) {
        let state = self.store.data_mut();
        state.changed = true;
        state.logger.set_sink(sink);
    }

    /// The fuel the last call used, if fuel is counted.
    pub fn fuel_consumed(&self) -> Option<u64> {
        let left = self.store.get_fuel().ok()?;
        self.fuel.map(|fuel| fuel.saturating_sub(left))
    }

    /// All linear memories of the plug-in together, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().meter.0.memory_bytes()
    }

    fn run(&mut self, name: &[u8], input: &[u8]) -> Outcome {
        self.output = Range::default();
        let _level = match depth::enter(self.call_depth_max, self.stack_bytes_max) {
            Ok(level) => level,
            Err(error) => return Outcome::failed(error),
        };
        if !self.begin() {
            return Outcome::failed(outcome::unwatched());
        }
        let outcome = match self.stage {
            Stage::Ready => self.enter(name, input),
            _ => self.enter_first(name, input),
        };
        self.token.end();
        outcome
    }

    /// A call begins, with nothing counted yet; the token's end must follow. False if nobody can watch over
    /// it.
    #[inline]
    fn begin(&mut self) -> bool {
        let state = self.store.data_mut();
        state.logger.begin(state.id);
        state.http.requests = 0;
        // What was refused to an earlier call does not explain a trap of this one.
        state.meter.0.take_memory_refusal();
        self.token.begin()
    }

    /// The first call of an instance.
    #[cold]
    fn enter_first(&mut self, name: &[u8], input: &[u8]) -> Outcome {
        if self.stage == Stage::Ended
            && let Err(error) = self.start_over()
        {
            return Outcome::failed(error);
        }
        match self.initialize() {
            Ok(()) => self.enter(name, input),
            Err(outcome) => outcome,
        }
    }

    /// The part of a call that every call goes through.
    #[inline]
    fn enter(&mut self, name: &[u8], input: &[u8]) -> Outcome {
        let store = &mut self.store;
        let Some(instance) = &self.instance else {
            return Outcome::failed(not_made());
        };
        if let Some(fuel) = self.fuel
            && let Err(error) = store.set_fuel(fuel)
        {
            return Outcome::failed(Error::from_chain(Status::Internal, error));
        }
        if let Err(refused) = memory::begin(&mut *store, input) {
            store.data_mut().meter.0.take_memory_refusal();
            let cause = memory::refused(refused);
            let text = "failed to allocate extism memory";
            return Outcome::failed(Error::with_cause(cause.status(), text, cause));
        }
        let export = match self.exports.find(store, instance, name) {
            Ok(export) => export,
            Err(error) => return Outcome::failed(error),
        };
        let returned = match export {
            Export::Code(function) => function.call(&mut *store, ()),
            Export::Unit(function) => function.call(&mut *store, ()).map(|()| 0),
            Export::Other(function) => {
                // Only functions without parameters and with one result get here. A reference keeps what it
                // refers to alive until its scope ends.
                let mut result = [Val::I32(0)];
                let called = function.call(RootScope::new(&mut *store), &[], &mut result);
                called.map(|()| CODE_FAILED)
            }
        };
        if name == START.as_bytes() {
            self.stage = Stage::Ended;
        }
        match returned {
            Ok(code) => self.collect(code),
            Err(error) => self.fail(error),
        }
    }

    /// The guest returned: its output and its error message are read.
    #[inline]
    fn collect(&mut self, code: i32) -> Outcome {
        let state = self.store.data();
        let output = state.kernel.output();
        let bytes_max = state.compiled.options.limits.output_bytes_max;
        if output.length > bytes_max {
            return Outcome::failed(Error::new(
                Status::Output,
                format!(
                    "output of {} bytes is larger than the limit of {bytes_max} bytes",
                    output.length
                ),
            ));
        }
        self.output = output;
        let error = match state.kernel.error() {
            0 => None,
            _ => self.guest_error(code),
        };
        Outcome { code, error }
    }

    /// The guest did not return.
    #[cold]
    fn fail(&mut self, error: wasmtime::Error) -> Outcome {
        dump::core(&mut self.store, &error);
        self.damaged = true;
        let state = self.store.data_mut();
        let outcome = outcome::of_engine_error(error, &self.token, &mut state.meter);
        if outcome.code == 0 {
            return self.collect(0);
        }
        let stopped = matches!(
            outcome.status(),
            Status::Timeout | Status::Cancelled | Status::Fuel | Status::Memory
        );
        match self.guest_error(outcome.code) {
            // What the guest had to say before it trapped tells more than where it was.
            Some(told) if !stopped => {
                let code = match outcome.status() {
                    Status::GuestExit => outcome.code,
                    _ => CODE_FAILED,
                };
                let error = match outcome.error {
                    Some(cause) => Error::with_cause(Status::GuestError, told.message(), cause),
                    None => told,
                };
                Outcome {
                    code,
                    error: Some(error),
                }
            }
            _ => outcome,
        }
    }

    /// The error message the guest has set, if any.
    #[cold]
    fn guest_error(&self, code: i32) -> Option<Error> {
        let state = self.store.data();
        let range = state.kernel.error_range()?;
        let bytes = match range.length {
            0 => &[],
            _ => memory::bytes(state.memory?.data(&self.store), range)?,
        };
        // Cut twice: marks in place of what is no text are longer than it.
        let bytes_max = state.compiled.options.limits.error_bytes_max;
        let kept = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let text = String::from_utf8_lossy(bytes.get(..kept).unwrap_or(bytes));
        let text = crate::log::cut(&text, bytes_max);
        let error = Error::new(Status::GuestError, text);
        Some(match code {
            0 => error,
            code => error.with_guest_code(code),
        })
    }

    /// Initialises the language runtime of the main module, once per instance.
    #[cold]
    fn initialize(&mut self) -> Result<(), Outcome> {
        // If this fails, what it has begun cannot be continued.
        self.stage = Stage::Ended;
        let options = &self.store.data().compiled.options;
        if let Some(fuel) = options.fuel_for_start.or(options.fuel) {
            let set = self.store.set_fuel(fuel);
            set.map_err(|error| Outcome::failed(Error::from_chain(Status::Internal, error)))?;
        }
        let Some(instance) = self.instance else {
            return Err(Outcome::failed(not_made()));
        };
        match start::initialize(&mut self.store, &instance) {
            Ok(()) => {
                self.stage = Stage::Ready;
                Ok(())
            }
            Err(error) => Err(match self.fail(error) {
                // Nothing of what was called has run, whatever the guest thinks of itself.
                Outcome { code: 0, .. } => Outcome::failed(outcome::ended_at_start()),
                outcome => outcome,
            }),
        }
    }

    /// A fresh instance in a fresh store; variables, configuration and everything else of the plug-in stay.
    #[cold]
    fn start_over(&mut self) -> Result<(), Error> {
        let mut state = self.fresh_state();
        state.swap_kept(self.store.data_mut());
        self.install(state).map_err(|mut failed| {
            self.store.data_mut().swap_kept(&mut failed.state);
            failed.error
        })
    }

    /// The plug-in as it was made, but for the instance, which the next call makes, within its own limits:
    /// nothing that it or its host changed stays, and no code of its runs now.
    fn unmake(&mut self) {
        self.token = self.token.renewed();
        self.output = Range::default();
        let compiled = self.compiled();
        self.store = store_of(compiled.0.linked.engine(), self.fresh_state());
        if let Some(fuel) = self.fuel {
            // Nothing of it is used; the engine counts it, or there was none to begin with.
            _ = self.store.set_fuel(fuel);
        }
        self.instance = None;
        self.exports = Exports::default();
        self.stage = Stage::Ended;
        self.damaged = false;
    }

    fn fresh_state(&self) -> State {
        let compiled = &self.store.data().compiled;
        State::new(compiled, self.id, Arc::clone(&self.token))
    }

    /// Puts a new instance in the place of the old one.
    fn install(&mut self, state: State) -> Result<(), Box<Failed>> {
        let (store, instance) = instantiate(state)?;
        self.store = store;
        self.instance = Some(instance);
        self.exports = Exports::default();
        self.stage = Stage::Made;
        self.damaged = false;
        Ok(())
    }
}

impl Pooled for Plugin {
    /// Input, output and blocks of the last borrower are overwritten, and its cancel handles hit nobody
    /// else's calls.
    fn recycle(&mut self) -> bool {
        if self.needs_renewal() {
            self.unmake();
            return true;
        }
        // One is the plug-in's own, one its store's.
        if Arc::strong_count(&self.token) > 2 {
            self.token = self.token.renewed();
            self.store.data_mut().token = Arc::clone(&self.token);
        }
        self.reset();
        true
    }
}

fn not_made() -> Error {
    Error::new(Status::Internal, "the plug-in has no instance")
}

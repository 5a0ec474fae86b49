//! A plug-in: calls with typed input and output.
//!
//! Must not know: how a call is made. Invariant: `id` is the runtime's identity of the instance;
//! output is read in place, so a call allocates nothing but what the output type owns.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::Error;
use extism_convert::{FromBytes, ToBytes};
use extism_manifest::Manifest;
use extism_runtime::{self as runtime, Level, LogSink, Outcome, Pooled, Record};
use uuid::Uuid;

use crate::error::of_call;
use crate::{CompiledPlugin, Function, PluginBuilder, WasmInput};

/// A plug-in that can be called. It may move between threads; one thread calls it at a time.
///
/// ```
/// use extism::Plugin;
///
/// // Copies its input to its output.
/// let wat = r#"(module
///     (import "extism:host/env" "input_offset" (func $offset (result i64)))
///     (import "extism:host/env" "input_length" (func $length (result i64)))
///     (import "extism:host/env" "output_set" (func $output (param i64 i64)))
///     (func (export "echo") (call $output (call $offset) (call $length))))"#;
/// let mut plugin = Plugin::new(wat, [], false)?;
/// assert_eq!(plugin.call::<&str, &str>("echo", "hello")?, "hello");
/// assert_eq!(plugin.call::<u64, u64>("echo", 42)?, 42);
/// # Ok::<(), extism::Error>(())
/// ```
pub struct Plugin {
    /// The plug-in's identity, as it appears in its log messages.
    pub id: Uuid,
    plugin: runtime::Plugin,
}

impl Plugin {
    /// Makes a plug-in with these host functions, and with WASI if `with_wasi`. [`PluginBuilder`]
    /// offers more.
    ///
    /// # Errors
    /// As [`PluginBuilder::build`].
    pub fn new<'a>(
        wasm: impl Into<WasmInput<'a>>,
        imports: impl IntoIterator<Item = Function>,
        with_wasi: bool,
    ) -> Result<Plugin, Error> {
        PluginBuilder::new(wasm)
            .with_functions(imports)
            .with_wasi(with_wasi)
            .build()
    }

    /// Makes an instance of a compiled plug-in.
    ///
    /// # Errors
    /// 3xx when an import has the wrong type, 4xx when a start function traps, 5xx when the limits
    /// do not allow what the modules declare, [`Status::NotFound`](crate::Status::NotFound) when a
    /// folder of `allowed_paths` cannot be opened.
    pub fn new_from_compiled(compiled: &CompiledPlugin) -> Result<Plugin, Error> {
        let plugin = runtime::Plugin::new(&compiled.0)?;
        Ok(Plugin {
            id: plugin.id(),
            plugin,
        })
    }

    /// Calls an exported function: encodes the input, decodes the output. What borrows from the
    /// output is valid until the next call.
    ///
    /// # Errors
    /// A [`CallError`](crate::CallError) when the call fails or the function returns a code other
    /// than 0; what encoding or decoding answers.
    #[inline]
    pub fn call<'a, 'b, T: ToBytes<'a>, U: FromBytes<'b>>(
        &'b mut self,
        name: impl AsRef<str>,
        input: T,
    ) -> Result<U, Error> {
        let bytes = input.to_bytes()?;
        let outcome = self.plugin.call(name.as_ref(), bytes.as_ref());
        self.decode(outcome).map_err(|(error, _)| error)
    }

    /// As [`Plugin::call`], with a value for the host functions the plug-in calls meanwhile: they find it by
    /// [`CurrentPlugin::host_context`](crate::CurrentPlugin::host_context).
    ///
    /// # Errors
    /// As [`Plugin::call`].
    pub fn call_with_host_context<'a, 'b, T, U, C>(
        &'b mut self,
        name: impl AsRef<str>,
        input: T,
        host_context: C,
    ) -> Result<U, Error>
    where
        T: ToBytes<'a>,
        U: FromBytes<'b>,
        C: Any + Send + Sync + 'static,
    {
        let bytes = input.to_bytes()?;
        let context = Box::new(host_context);
        let outcome = self
            .plugin
            .call_with_context(name.as_ref(), bytes.as_ref(), context);
        self.decode(outcome).map_err(|(error, _)| error)
    }

    /// As [`Plugin::call`]; an error comes with the call's code: what the guest returned or exited
    /// with, 134 after a trap or a timeout, -1 when the call failed otherwise.
    ///
    /// # Errors
    /// As [`Plugin::call`].
    pub fn call_get_error_code<'a, 'b, T: ToBytes<'a>, U: FromBytes<'b>>(
        &'b mut self,
        name: impl AsRef<str>,
        input: T,
    ) -> Result<U, (Error, i32)> {
        let bytes = input
            .to_bytes()
            .map_err(|error| (error, runtime::CODE_FAILED))?;
        let outcome = self.plugin.call(name.as_ref(), bytes.as_ref());
        self.decode(outcome)
    }

    #[inline]
    fn decode<'b, U: FromBytes<'b>>(&'b self, outcome: Outcome) -> Result<U, (Error, i32)> {
        let code = outcome.code;
        match outcome.into_error() {
            None => U::from_bytes(self.output()).map_err(|error| (error, runtime::CODE_FAILED)),
            Some(error) => Err((of_call(error), code)),
        }
    }

    /// The output of the last call as bytes; empty after one that failed before it had any.
    pub fn output(&self) -> &[u8] {
        self.plugin.output()
    }

    /// Whether the plug-in exports a function of this name that can be called.
    pub fn function_exists(&self, function: impl AsRef<str>) -> bool {
        self.plugin.compiled().has_function(function.as_ref())
    }

    /// Overwrites what the last call left in kernel memory with zeros: input, output, error and every block.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.plugin.reset();
        Ok(())
    }

    /// Makes the plug-in as new: a fresh instance, no variables, the configuration of the manifest.
    /// Its identity, its handles and its log sink stay.
    ///
    /// # Errors
    /// As [`Plugin::new_from_compiled`]; the plug-in is then as it was.
    pub fn renew(&mut self) -> Result<(), Error> {
        Ok(self.plugin.renew()?)
    }

    /// Whether the plug-in may use WASI.
    pub fn has_wasi(&self) -> bool {
        self.plugin.compiled().has_wasi()
    }

    /// The fuel the last call used, if there is a fuel limit.
    pub fn fuel_consumed(&self) -> Option<u64> {
        self.plugin.fuel_consumed()
    }

    /// A handle to cancel this plug-in's calls from other threads.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            id: self.id,
            handle: self.plugin.cancel_handle(),
        }
    }

    /// What the plug-in was made from.
    pub fn compiled(&self) -> CompiledPlugin {
        CompiledPlugin(self.plugin.compiled())
    }

    /// The manifest the plug-in was loaded from.
    pub fn manifest(&self) -> Manifest {
        self.plugin.compiled().manifest().clone()
    }

    /// The plug-in's variables.
    pub fn vars(&self) -> &BTreeMap<String, Vec<u8>> {
        self.plugin.vars()
    }

    /// The plug-in's variables, to change. The host is not bound by the plug-in's limit, but what
    /// it stores counts.
    pub fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.plugin.vars_mut()
    }

    /// The configuration in force.
    pub fn config(&self) -> &BTreeMap<String, String> {
        self.plugin.config()
    }

    /// Sets a configuration value from now on.
    pub fn set_config(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.plugin.configure([(key.into(), Some(value.into()))]);
    }

    /// Removes a configuration value from now on.
    pub fn remove_config(&mut self, key: impl Into<String>) {
        self.plugin.configure([(key.into(), None)]);
    }

    /// Lets the plug-in see the headers of HTTP responses from now on.
    pub fn allow_http_response_headers(&mut self) {
        self.plugin.allow_http_response_headers();
    }

    /// Gives the plug-in's log messages from `level` upwards to `receive`, beside the process-wide log.
    pub fn set_log_sink(
        &mut self,
        level: Level,
        receive: impl Fn(&Record<'_>) + Send + Sync + 'static,
    ) {
        let receive = Arc::new(receive);
        self.plugin.set_log_sink(Some(LogSink { level, receive }));
    }

    /// All linear memories of the plug-in together, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.plugin.memory_bytes()
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({})", self.id)
    }
}

impl Pooled for Plugin {
    fn recycle(&mut self) -> bool {
        self.plugin.recycle()
    }
}

/// Cancels the running call of one plug-in, from any thread.
///
/// It may outlive the plug-in; cancelling when no call runs does nothing, and never hits a later call.
///
/// ```
/// use extism::{ErrorExt, Plugin, Status, UserData, Function};
///
/// // The plug-in calls the host and then never returns; the host function has somebody else cancel it.
/// let wat = r#"(module
///     (import "extism:host/user" "ready" (func $ready))
///     (func (export "spin") (call $ready) (loop (br 0))))"#;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let ready = Function::new("ready", [], [], UserData::new(sender), |_, _, _, sender| {
///     Ok(sender.get()?.lock().unwrap().send(())?)
/// });
/// let mut plugin = Plugin::new(wat, [ready], false)?;
/// let handle = plugin.cancel_handle();
/// let canceller = std::thread::spawn(move || {
///     receiver.recv().unwrap();
///     handle.cancel().unwrap();
/// });
/// let error = plugin.call::<_, ()>("spin", ()).unwrap_err();
/// assert_eq!(error.status(), Some(Status::Cancelled));
/// canceller.join().unwrap();
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    /// The identity of the plug-in.
    pub id: Uuid,
    handle: runtime::CancelHandle,
}

impl CancelHandle {
    /// Asks the running call to stop. It ends with [`Status::Cancelled`](crate::Status::Cancelled):
    /// Wasm at its next loop or call, WASI and HTTP while they wait. A host function runs to its
    /// end.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn cancel(&self) -> Result<(), Error> {
        self.handle.cancel();
        Ok(())
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancelHandle({})", self.id)
    }
}

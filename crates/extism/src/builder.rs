//! How a plug-in is to be made: every choice of the host beside the manifest.
//!
//! Must not know: how any of it is done. Invariant: nothing is loaded, and nothing fails, before
//! the plug-in is built.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Error;
use extism_runtime::{
    self as runtime, Cache, Inspection, Level, Limits, LogSink, Options, Record, Rewriting, Source,
};

use crate::{
    CallError, CompiledPlugin, CurrentPlugin, DebugOptions, Function, Plugin, UserData, Val,
    ValType, WasmInput,
};

/// How a plug-in is to be made.
///
/// ```
/// use extism::{Limits, PTR, PluginBuilder, UserData};
///
/// let wat = r#"(module
///     (import "extism:host/user" "name" (func $name (result i64)))
///     (import "extism:host/env" "length" (func $length (param i64) (result i64)))
///     (import "extism:host/env" "output_set" (func $output (param i64 i64)))
///     (func (export "who") (local $p i64)
///         (local.set $p (call $name))
///         (call $output (local.get $p) (call $length (local.get $p)))))"#;
/// let mut plugin = PluginBuilder::new(wat)
///     .with_limits(Limits::untrusted())
///     .with_function("name", [], [PTR], UserData::new("Ada".to_owned()), |plugin, _, results, name| {
///         let name = name.get()?.lock().unwrap().clone();
///         plugin.memory_set_val(&mut results[0], name)
///     })
///     .build()?;
/// assert_eq!(plugin.call::<_, &str>("who", ())?, "Ada");
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone)]
pub struct PluginBuilder<'a> {
    source: WasmInput<'a>,
    functions: Vec<Function>,
    debug: DebugOptions,
    options: Options,
}

impl<'a> PluginBuilder<'a> {
    /// A plug-in made from `plugin`, with the defaults of the environment (`EXTISM_*`), without
    /// host functions or WASI.
    pub fn new(plugin: impl Into<WasmInput<'a>>) -> Self {
        let mut options = Options::from_env();
        PluginBuilder {
            source: plugin.into(),
            functions: Vec::new(),
            debug: std::mem::take(&mut options.debug).into(),
            options,
        }
    }

    /// Whether the plug-in may import WASI preview 1, and with it reach the folders of `allowed_paths`.
    #[must_use]
    pub fn with_wasi(mut self, wasi: bool) -> Self {
        self.options.wasi = wasi;
        self
    }

    /// Adds a host function; see [`Function::new`].
    #[must_use]
    pub fn with_function<T: Send + 'static, F>(
        self,
        name: impl Into<String>,
        args: impl IntoIterator<Item = ValType>,
        returns: impl IntoIterator<Item = ValType>,
        user_data: UserData<T>,
        f: F,
    ) -> Self
    where
        F: Fn(&mut CurrentPlugin<'_>, &[Val], &mut [Val], UserData<T>) -> Result<(), Error>
            + Send
            + Sync
            + 'static,
    {
        self.with_functions([Function::new(name, args, returns, user_data, f)])
    }

    /// Adds a host function that is imported from `namespace` instead of `extism:host/user`.
    #[must_use]
    pub fn with_function_in_namespace<T: Send + 'static, F>(
        self,
        namespace: impl Into<String>,
        name: impl Into<String>,
        args: impl IntoIterator<Item = ValType>,
        returns: impl IntoIterator<Item = ValType>,
        user_data: UserData<T>,
        f: F,
    ) -> Self
    where
        F: Fn(&mut CurrentPlugin<'_>, &[Val], &mut [Val], UserData<T>) -> Result<(), Error>
            + Send
            + Sync
            + 'static,
    {
        let function = Function::new(name, args, returns, user_data, f);
        self.with_functions([function.with_namespace(namespace)])
    }

    /// Adds host functions.
    #[must_use]
    pub fn with_functions(mut self, f: impl IntoIterator<Item = Function>) -> Self {
        self.functions.extend(f);
        self
    }

    /// Announces compiled code to a profiler.
    #[must_use]
    pub fn with_profiling_strategy(mut self, p: wasmtime::ProfilingStrategy) -> Self {
        self.debug.profiling_strategy = p;
        self
    }

    /// Writes a Wasm core dump to this file when a call traps.
    #[must_use]
    pub fn with_coredump(mut self, path: impl Into<PathBuf>) -> Self {
        self.debug.coredump = Some(path.into());
        self
    }

    /// Writes kernel memory to this file when a call fails.
    #[must_use]
    pub fn with_memdump(mut self, path: impl Into<PathBuf>) -> Self {
        self.debug.memdump = Some(path.into());
        self
    }

    /// Compiles so that native debuggers see the source.
    #[must_use]
    pub fn with_debug_info(mut self) -> Self {
        self.debug.debug_info = true;
        self
    }

    /// Sets all the help in finding faults at once.
    #[must_use]
    pub fn with_debug_options(mut self, options: DebugOptions) -> Self {
        self.debug = options;
        self
    }

    /// Keeps compiled code on disk, as this cache configuration file of the engine says. Whoever
    /// can write to the folder it names can run code in this process.
    #[must_use]
    pub fn with_cache_config(mut self, dir: impl Into<PathBuf>) -> Self {
        self.options.cache = Cache::Disk(dir.into());
        self
    }

    /// Does not keep compiled code, not even in this process.
    #[must_use]
    pub fn with_cache_disabled(mut self) -> Self {
        self.options.cache = Cache::Off;
        self
    }

    /// Fuel for each call, and for making and initialising the plug-in unless
    /// [`PluginBuilder::with_initialization_fuel_limit`] says otherwise.
    #[must_use]
    pub fn with_fuel_limit(mut self, fuel: u64) -> Self {
        self.options.fuel = Some(fuel);
        self
    }

    /// Fuel for making and initialising the plug-in. Needs [`PluginBuilder::with_fuel_limit`], too.
    #[must_use]
    pub fn with_initialization_fuel_limit(mut self, fuel: u64) -> Self {
        self.options.fuel_for_start = Some(fuel);
        self
    }

    /// Options of the engine to start from. The runtime sets those it depends on itself: compiler,
    /// epochs, fuel, debug information, core dumps, profiler, stack size and Wasm proposals. Such a
    /// plug-in shares no code with others.
    #[must_use]
    pub fn with_wasmtime_config(mut self, config: wasmtime::Config) -> Self {
        self.options.engine = Some(Arc::new(config));
        self
    }

    /// Whether the plug-in sees the headers of HTTP responses.
    #[must_use]
    pub fn with_http_response_headers(mut self, allow: bool) -> Self {
        self.options.http_response_headers = allow;
        self
    }

    /// The host's ceiling. A manifest may ask for less, never for more.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Gives the plug-in's log messages from `level` upwards to `receive`, beside the process-wide
    /// log. It is called on the thread that calls the plug-in.
    #[must_use]
    pub fn with_log_sink(
        mut self,
        level: Level,
        receive: impl Fn(&Record<'_>) + Send + Sync + 'static,
    ) -> Self {
        let receive = Arc::new(receive);
        self.options.log_sink = Some(LogSink { level, receive });
        self
    }

    /// The arguments a plug-in with WASI sees.
    #[must_use]
    pub fn with_wasi_args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.wasi_args = args.into_iter().map(Into::into).collect();
        self
    }

    /// The environment variables a plug-in with WASI sees.
    #[must_use]
    pub fn with_wasi_env(
        mut self,
        env: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let env = env
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.options.wasi_env = env.collect();
        self
    }

    /// Whether standard output and error of a plug-in with WASI are those of the process.
    #[must_use]
    pub fn with_wasi_output(mut self, output: bool) -> Self {
        self.options.wasi_output = output;
        self
    }

    /// Whether machine code in precompiled plug-ins is used; if not, they are compiled again. It is
    /// trusted as this library itself is: only for files nobody else can write.
    #[must_use]
    pub fn with_precompiled(mut self, trusted: bool) -> Self {
        self.options.trust_artefacts = trusted;
        self
    }

    /// Whether calls for kernel memory are turned into instructions. The results are the same; the
    /// fuel a call uses is not.
    #[must_use]
    pub fn with_rewriting(mut self, rewriting: Rewriting) -> Self {
        self.options.rewrite = rewriting;
        self
    }

    /// Loads, compiles and instantiates the plug-in.
    ///
    /// # Errors
    /// As [`PluginBuilder::compile`] and [`Plugin::new_from_compiled`].
    pub fn build(self) -> Result<Plugin, Error> {
        Plugin::new_from_compiled(&self.compile()?)
    }

    /// Loads and compiles the plug-in, to make any number of instances from.
    ///
    /// # Errors
    /// 2xx when the manifest is bad or a module cannot be fetched, 3xx when a module is invalid or
    /// cannot be linked, [`Status::InvalidArgument`](crate::Status::InvalidArgument) when the
    /// choices contradict each other or a host function has a type that is not a number.
    pub fn compile(self) -> Result<CompiledPlugin, Error> {
        CompiledPlugin::new(self)
    }

    /// Compiles a plug-in of one module ahead of time. The result is the module with the machine
    /// code added: any host can load it, and one of this version and these options that [trusts
    /// it](PluginBuilder::with_precompiled) need not compile.
    ///
    /// ```
    /// use extism::PluginBuilder;
    ///
    /// let wat = r#"(module (func (export "run")))"#;
    /// let artefact = PluginBuilder::new(wat).precompile()?;
    /// let mut plugin = PluginBuilder::new(artefact).with_precompiled(true).build()?;
    /// plugin.call::<_, ()>("run", ())?;
    /// # Ok::<(), extism::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PluginBuilder::compile`].
    pub fn precompile(self) -> Result<Vec<u8>, Error> {
        let (source, options) = self.into_parts()?;
        Ok(runtime::precompile(source, &options)?)
    }

    /// What the plug-in exports, imports and needs, without running any of it.
    ///
    /// # Errors
    /// As [`PluginBuilder::compile`].
    pub fn inspect(self) -> Result<Inspection, Error> {
        let (source, options) = self.into_parts()?;
        Ok(runtime::inspect(source, &options)?)
    }

    /// What the runtime takes.
    pub(crate) fn into_parts(self) -> Result<(Source<'a>, Options), CallError> {
        let functions = self.functions.iter().map(Function::to_host);
        let options = Options {
            functions: functions.collect::<Result<_, _>>()?,
            debug: self.debug.into_runtime()?,
            ..self.options
        };
        Ok((self.source.into_source(), options))
    }
}

/// What a plug-in exports, imports and needs, without running any of it.
///
/// # Errors
/// 2xx when the manifest is bad or a module cannot be fetched, 3xx when a module is invalid.
pub fn inspect<'a>(plugin: impl Into<WasmInput<'a>>) -> Result<Inspection, Error> {
    PluginBuilder::new(plugin).inspect()
}

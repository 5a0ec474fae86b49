//! A plug-in compiled once, from which any number of instances are made.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use extism_manifest::Manifest;
use extism_policy::HostPolicy;
use extism_semantics::bounds;
use wasmtime::Engine;

use crate::engine::{self, EngineConfig, Profiling};
use crate::error::Error;
use crate::module::compile::{self, CompiledModule, Reuse, Rewrite};
use crate::module::link::{self, Linked};
use crate::module::resolve::{self, Resolve};
use crate::options::{Cache, Options, Rewriting};
use crate::source::{self, LoadContext, Progress, ReadPointer, Source};
use crate::stats::Live;
use crate::wasi::{Folders, Threads, WasiOptions};
use crate::{Limits, Status};

/// A plug-in compiled once, from which any number of instances are made, on any thread. Cheap to clone.
///
/// ```
/// use extism_runtime::{CompiledPlugin, Options, Plugin};
///
/// let wat = r#"(module (func (export "run") (result i32) i32.const 0))"#;
/// let compiled = CompiledPlugin::new(wat, Options::default())?;
/// let mut plugin = Plugin::new(&compiled)?;
/// assert_eq!(plugin.call("run", b"").code, 0);
/// # Ok::<(), extism_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct CompiledPlugin(pub(crate) Arc<Compiled>);

pub(crate) struct Compiled {
    pub(crate) manifest: Manifest,
    pub(crate) linked: Linked,
    /// The same on an engine without slots, since an instance found none.
    without_slots: OnceLock<Linked>,
    pub(crate) options: Options,
    pub(crate) wasi: Arc<WasiOptions>,
    pub(crate) hosts: HostPolicy,
    pub(crate) http: extism_http::Client,
    /// The manifest's time limit and the host's, whichever is shorter.
    pub(crate) call_time_max: Option<Duration>,
    pub(crate) http_response_bytes_max: u64,
    pub(crate) vars_bytes_max: u64,
    _live: Live,
}

impl CompiledPlugin {
    /// Loads and compiles a plug-in.
    ///
    /// # Errors
    /// 2xx when the manifest is bad or a module cannot be fetched, 3xx when a module is invalid or
    /// cannot be linked.
    pub fn new<'a>(
        source: impl Into<Source<'a>>,
        options: Options,
    ) -> Result<CompiledPlugin, Error> {
        Loader::default().load(source, options)
    }

    /// The manifest it was loaded from.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The limits in force: the host's.
    pub fn limits(&self) -> &Limits {
        &self.0.options.limits
    }

    /// Whether the plug-in may use WASI.
    pub fn has_wasi(&self) -> bool {
        self.0.options.wasi
    }

    /// Whether the main module exports a function of this name that can be called for a code or nothing.
    pub fn has_function(&self, name: &str) -> bool {
        let main = self.0.linked.modules.iter().find(|module| module.is_main());
        let export = main.and_then(|main| main.compiled.module.get_export(name));
        let Some(wasmtime::ExternType::Func(ty)) = export else {
            return false;
        };
        let code_or_nothing = ty.results().len() <= 1 && ty.results().all(|ty| ty.is_i32());
        ty.params().len() == 0 && code_or_nothing
    }
}

/// Loads plug-ins with help only some hosts can give.
#[derive(Clone, Copy, Default)]
pub struct Loader<'a> {
    /// Asked for what the modules import and [`Options::functions`] do not have, for hosts whose
    /// functions have no types of their own. What it gives has the type it was asked for.
    pub resolve: Option<Resolve<'a>>,
    /// Reads modules that a manifest gives as a pointer into this process.
    pub read_pointer: Option<ReadPointer<'a>>,
    /// Told how far a download is.
    pub progress: Option<Progress<'a>>,
}

impl Loader<'_> {
    /// As [`CompiledPlugin::new`].
    ///
    /// # Errors
    /// As [`CompiledPlugin::new`].
    pub fn load<'s>(
        &self,
        source: impl Into<Source<'s>>,
        mut options: Options,
    ) -> Result<CompiledPlugin, Error> {
        if options.fuel_for_start.is_some() && options.fuel.is_none() {
            let text = "an initialization fuel limit requires a call fuel limit";
            return Err(Error::new(Status::InvalidArgument, text));
        }
        let context = LoadContext {
            read_pointer: self.read_pointer,
            progress: self.progress,
        };
        let loaded = source::load(source.into(), &options.limits, context)?;
        // Of several modules, one could be running its start function when the next finds no slot.
        let slots = loaded.modules().len() == 1;
        let mut engine = engine_of(&options, slots)?;
        let rewrite = rewrite_of(&options, loaded.modules().len());
        let reuse = Reuse {
            cache: options.cache != Cache::Off && options.engine.is_none(),
            artefacts: options.trust_artefacts,
        };
        let compile_all = |engine: &Engine, rewrite| {
            let each = loaded.modules().map(|(name, wasm)| {
                let compiled = compile::compile(engine, wasm, rewrite, reuse)?;
                Ok((name.to_owned(), compiled))
            });
            each.collect::<Result<Vec<(String, CompiledModule)>, Error>>()
        };
        let mut modules = compile_all(&engine, rewrite)?;
        if let Some(resolve) = self.resolve {
            for (_, module) in &modules {
                resolve::add(&module.module, &mut options.functions, resolve);
            }
            // What was found may take the place of kernel functions, which are instructions by now.
            let allowed = rewrite_of(&options, modules.len());
            if allowed != rewrite {
                modules = compile_all(&engine, allowed)?;
            }
        }
        if slots && !modules.iter().all(|(_, module)| module.fits_slot()) {
            engine = engine_of(&options, false)?;
            modules = compile::on(&engine, modules)?;
        }
        let linked = link::link(&engine, modules, &options.functions, options.wasi)?;
        Compiled::new(loaded.manifest, linked, options)
            .map(|compiled| CompiledPlugin(Arc::new(compiled)))
    }
}

impl Compiled {
    fn new(manifest: Manifest, linked: Linked, options: Options) -> Result<Compiled, Error> {
        let limits = &options.limits;
        let paths = manifest.allowed_paths.iter().flatten();
        let paths = paths
            .map(|(host, guest)| Some((host.as_str(), guest.to_str()?)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                Error::new(
                    Status::InvalidUtf8,
                    "allowed_paths: a guest path is not UTF-8",
                )
            })?;
        let paths = extism_policy::path_rules(paths)
            .map_err(|error| Error::new(error.status(), error.to_string()))?;
        Ok(Compiled {
            call_time_max: bounds::call_time_max(&manifest, limits),
            http_response_bytes_max: bounds::http_response_bytes_max(&manifest, limits),
            vars_bytes_max: bounds::vars_bytes_max(&manifest),
            hosts: HostPolicy::new(manifest.allowed_hosts.as_deref()),
            http: extism_http::Client::new(),
            wasi: Arc::new(WasiOptions {
                args: options.wasi_args.clone(),
                env: options.wasi_env.clone(),
                // Folders are granted through WASI; without it there is nothing to open.
                folders: Folders::new(if options.wasi { paths } else { Vec::new() }),
                output: options.wasi_output,
                threads: Threads::default(),
            }),
            manifest,
            linked,
            without_slots: OnceLock::new(),
            options,
            _live: Live::compiled(),
        })
    }

    /// Where instances are made that find no slot.
    #[cold]
    pub(crate) fn linked_without_slots(&self) -> Result<&Linked, Error> {
        if let Some(linked) = self.without_slots.get() {
            return Ok(linked);
        }
        let engine = engine_of(&self.options, false)?;
        let modules = self.linked.modules.iter();
        let modules = modules.map(|module| (module.name.clone(), module.compiled.clone()));
        let modules = compile::on(&engine, modules.collect())?;
        let options = &self.options;
        let linked = link::link(&engine, modules, &options.functions, options.wasi)?;
        Ok(self.without_slots.get_or_init(|| linked))
    }
}

/// The engine for these options. One of an embedder's own making has slots or not, as he says.
pub(crate) fn engine_of(options: &Options, slots: bool) -> Result<Engine, Error> {
    let config = EngineConfig {
        fuel: options.fuel.is_some(),
        debug_info: options.debug.debug_info,
        coredump: options.debug.coredump.is_some(),
        profiling: options.debug.profiling,
        stack_bytes_max: options.limits.stack_bytes_max,
        disk_cache: match &options.cache {
            Cache::Disk(file) => Some(file.clone()),
            Cache::Process | Cache::Off => None,
        },
        slots: slots && cfg!(target_pointer_width = "64"),
    };
    match &options.engine {
        Some(base) => engine::build(base.as_ref().clone(), &config),
        None => engine::shared(&config),
    }
}

pub(crate) fn rewrite_of(options: &Options, modules: usize) -> Rewrite {
    let debug = &options.debug;
    let offsets_matter =
        debug.debug_info || debug.coredump.is_some() || debug.profiling != Profiling::None;
    let overridden = options
        .functions
        .iter()
        .any(|function| extism_semantics::overrides_kernel(function.namespace()));
    match options.rewrite {
        _ if offsets_matter || overridden => Rewrite::Off,
        Rewriting::Off => Rewrite::Off,
        Rewriting::Auto if modules == 1 => Rewrite::Define,
        Rewriting::Auto => Rewrite::Import,
    }
}

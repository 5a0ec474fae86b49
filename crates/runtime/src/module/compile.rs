//! One module, from bytes to code.
//!
//! Invariant: the rewriting pass is never the reason a module fails to load; where it declines, or
//! the engine refuses what it made, the module is compiled as it is.

use std::sync::Arc;

use extism_rewrite::{KernelMemory, Options};
use rayon_core::ThreadPoolBuilder;
use wasmparser::{Parser, Validator, WasmFeatures};
use wasmtime::{Engine, Module};

use crate::Status;
use crate::artefact;
use crate::engine::cache::{self, Known};
use crate::engine::slots::MEMORIES_PER_INSTANCE_MAX;
use crate::error::Error;
use crate::fork;

/// Kernel memory begins with one page; it grows as the host needs it.
const KERNEL_PAGES_MIN: u64 = 1;

/// How a module gets at kernel memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// Every access is a call to the host; the host makes the memory.
    Off,
    /// Accesses are instructions; the only module of a plug-in brings the memory itself.
    Define,
    /// Accesses are instructions; several modules import one memory.
    Import,
}

impl Rewrite {
    /// What the rewriting pass is told, if it runs.
    pub(crate) fn kernel_memory(self) -> Option<KernelMemory> {
        match self {
            Rewrite::Off => None,
            Rewrite::Define => Some(KernelMemory::Define {
                pages_min: KERNEL_PAGES_MIN,
                pages_max: None,
            }),
            Rewrite::Import => Some(KernelMemory::Import),
        }
    }
}

/// A compiled module; cheap to clone.
#[derive(Clone)]
pub(crate) struct CompiledModule {
    pub(crate) module: Module,
    pub(crate) rewritten: Rewritten,
    /// Its entry in the cache, which lasts as long as somebody has the module.
    pub(crate) known: Option<Arc<Known>>,
}

impl CompiledModule {
    pub(crate) fn new(module: Module, rewritten: Rewritten) -> CompiledModule {
        CompiledModule {
            module,
            rewritten,
            known: None,
        }
    }

    /// Whether an instance of it is made in a slot, where there are slots.
    pub(crate) fn fits_slot(&self) -> bool {
        self.module.resources_required().num_memories <= MEMORIES_PER_INSTANCE_MAX
    }
}

/// The same modules on another engine of the same configuration.
pub(crate) fn on(
    engine: &Engine,
    mut modules: Vec<(String, CompiledModule)>,
) -> Result<Vec<(String, CompiledModule)>, Error> {
    for (_, compiled) in &mut modules {
        let code = compiled.module.serialize();
        // SAFETY: the bytes are what `Module::serialize` has just given.
        let module = code.and_then(|code| unsafe { Module::deserialize(engine, code) });
        compiled.module = module.map_err(|error| Error::from_chain(Status::Internal, error))?;
    }
    Ok(modules)
}

/// What the rewriting pass made of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// It was not asked for.
    Off,
    /// It did its work; the module has kernel memory in this way.
    Yes(Rewrite),
    /// It left the module alone, for this reason.
    Declined(String),
}

/// Compiles `wasm`, or finds it among the modules compiled before.
pub(crate) fn compile(
    engine: &Engine,
    wasm: &[u8],
    rewrite: Rewrite,
    reuse: Reuse,
) -> Result<CompiledModule, Error> {
    let compile = || {
        let carried = match reuse.artefacts {
            true => artefact::load(engine, wasm, rewrite)?,
            false => None,
        };
        carried.map_or_else(|| on_threads(|| fresh(engine, wasm, rewrite)), Ok)
    };
    match reuse.cache {
        true => cache::find_or_compile(engine, rewrite, reuse.artefacts, wasm, compile),
        false => compile(),
    }
}

/// What may be used in place of a fresh compilation.
#[derive(Clone, Copy)]
pub(crate) struct Reuse {
    /// Modules compiled before in this process.
    pub(crate) cache: bool,
    /// Machine code a precompiled artefact carries. Whoever made the artefact is trusted as this library is.
    pub(crate) artefacts: bool,
}

/// Runs a compilation where it finds threads. The compiler's are made once for a process; the child of a fork
/// knows of them and has none, and would wait for them for ever.
fn on_threads<T: Send>(compile: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    // Asked before the first compilation, so that no fork after it is missed.
    if fork::generation() == 0 {
        return compile();
    }
    let pool = ThreadPoolBuilder::new()
        .thread_name(|_| "extism-compiler".into())
        .build()
        .map_err(|error| {
            Error::with_cause(
                Status::OutOfMemory,
                "cannot start threads for the compiler",
                error,
            )
        })?;
    pool.install(compile)
}

fn fresh(engine: &Engine, wasm: &[u8], rewrite: Rewrite) -> Result<CompiledModule, Error> {
    let (bytes, rewritten) = rewritten(wasm, rewrite);
    if let Some(bytes) = bytes {
        match Module::from_binary(engine, &bytes) {
            Ok(module) => return Ok(CompiledModule::new(module, rewritten)),
            Err(error) => tracing::debug!("the engine refused a rewritten module: {error:?}"),
        }
    }
    let module = Module::from_binary(engine, wasm).map_err(|error| invalid(wasm, error))?;
    let rewritten = match rewritten {
        Rewritten::Yes(_) => Rewritten::Declined("the engine refused the result".into()),
        other => other,
    };
    Ok(CompiledModule::new(module, rewritten))
}

/// What the rewriting pass makes of a module, if it does anything.
pub(crate) fn rewritten(wasm: &[u8], rewrite: Rewrite) -> (Option<Vec<u8>>, Rewritten) {
    let Some(kernel_memory) = rewrite.kernel_memory() else {
        return (None, Rewritten::Off);
    };
    let options = Options {
        kernel_memory,
        keep: &|_| false,
    };
    match extism_rewrite::rewrite(wasm, &options) {
        Ok(done) => (Some(done.wasm), Rewritten::Yes(rewrite)),
        Err(declined) => (None, Rewritten::Declined(declined.reason)),
    }
}

/// A module the engine refused: invalid by any rule, or valid but with something this engine leaves out.
fn invalid(wasm: &[u8], error: wasmtime::Error) -> Error {
    let all = WasmFeatures::all();
    let is_left_out =
        Parser::is_component(wasm) || Validator::new_with_features(all).validate_all(wasm).is_ok();
    let status = match is_left_out {
        true => Status::ModuleUnsupported,
        false => Status::ModuleInvalid,
    };
    Error::from_chain(status, error)
}

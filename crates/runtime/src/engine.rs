//! The engine: one per distinct configuration in a process, shared by every plug-in that wants the same.
//!
//! Invariant: Cranelift compiles, epochs interrupt, Wasm proposals are those of `features.rs`; a
//! module is only ever used with an engine of the configuration it was compiled for.

pub(crate) mod cache;
pub(crate) mod features;
pub(crate) mod slots;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use wasmtime::{Cache, CacheConfig, Config, Engine, ProfilingStrategy, Strategy};

use crate::Status;
use crate::error::Error;

/// What makes engines differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineConfig {
    pub(crate) fuel: bool,
    pub(crate) debug_info: bool,
    pub(crate) coredump: bool,
    pub(crate) profiling: Profiling,
    pub(crate) stack_bytes_max: usize,
    /// Where compiled code is kept on disk; the file is the engine's cache configuration.
    pub(crate) disk_cache: Option<PathBuf>,
    /// Whether instances are made in slots set aside for them, which is much cheaper. There are
    /// only so many: what finds none is made without one (docs/adr/0010-slots.md).
    pub(crate) slots: bool,
}

/// Which profiler the compiled code is announced to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profiling {
    /// None.
    #[default]
    None,
    /// Linux perf, by a map file.
    PerfMap,
    /// Linux perf, by jitdump.
    JitDump,
    /// Intel VTune.
    VTune,
}

/// How many distinct configurations are kept. A process that makes up ever new ones gets engines of
/// its own for the rest.
const SHARED_MAX: usize = 32;

static SHARED: Mutex<Vec<(EngineConfig, Engine)>> = Mutex::new(Vec::new());

/// The process's engine for this configuration.
pub(crate) fn shared(config: &EngineConfig) -> Result<Engine, Error> {
    let find = |engines: &[(EngineConfig, Engine)]| {
        let same = engines.iter().find(|(other, _)| other == config);
        same.map(|(_, engine)| engine.clone())
    };
    let slots_left = {
        let engines = lock();
        if let Some(engine) = find(&engines) {
            return Ok(engine);
        }
        engines.iter().filter(|(other, _)| other.slots).count() < slots::ENGINES_MAX
    };
    // Built outside of the lock; of two threads that build the same engine at once, the first to finish wins.
    let engine = match config.slots {
        true => with_slots(config, slots_left)?,
        false => build(Config::new(), config)?,
    };
    let mut engines = lock();
    if let Some(first) = find(&engines) {
        return Ok(first);
    }
    if engines.len() < SHARED_MAX {
        engines.push((config.clone(), engine.clone()));
    }
    Ok(engine)
}

/// An engine with slots; where there are none left, or address space is short, the one without.
fn with_slots(config: &EngineConfig, slots_left: bool) -> Result<Engine, Error> {
    if slots_left && let Ok(engine) = slots::build(config) {
        return Ok(engine);
    }
    shared(&EngineConfig {
        slots: false,
        ..config.clone()
    })
}

/// Whether this is one of the process's shared engines, which live as long as it does.
pub(crate) fn is_shared(engine: &Engine) -> bool {
    lock()
        .iter()
        .any(|(_, shared)| Engine::same(shared, engine))
}

fn lock() -> std::sync::MutexGuard<'static, Vec<(EngineConfig, Engine)>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An engine of its own, from the engine options of an embedder who wants to set some himself.
pub(crate) fn build(mut base: Config, config: &EngineConfig) -> Result<Engine, Error> {
    base.strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .consume_fuel(config.fuel)
        .debug_info(config.debug_info)
        .coredump_on_trap(config.coredump)
        .profiler(match config.profiling {
            Profiling::None => ProfilingStrategy::None,
            Profiling::PerfMap => ProfilingStrategy::PerfMap,
            Profiling::JitDump => ProfilingStrategy::JitDump,
            Profiling::VTune => ProfilingStrategy::VTune,
        })
        .max_wasm_stack(config.stack_bytes_max);
    features::set(&mut base);
    if let Some(file) = &config.disk_cache {
        base.cache(Some(disk_cache(file)?));
    }
    Engine::new(&base).map_err(|error| Error::from_chain(Status::InvalidArgument, error))
}

fn disk_cache(file: &std::path::Path) -> Result<Cache, Error> {
    CacheConfig::from_file(Some(file))
        .and_then(Cache::new)
        .map_err(|error| {
            let message = format!("cannot use the cache configuration {}", file.display());
            Error::with_cause(Status::Io, message, error)
        })
}

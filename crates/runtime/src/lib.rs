//! The engine room of Extism: loads, limits and calls plug-ins compiled to WebAssembly.
//!
//! A [`CompiledPlugin`] is made from a [`Source`] (a manifest, or a module) and [`Options`]; a
//! [`Plugin`] is one instance of it that can be called. Plug-ins get input, output, config,
//! variables, HTTP under an allow-list, logging, and the [`HostFunction`]s their host adds, and
//! nothing else.
//!
//! Must not know: C types, SDK languages, typed encodings. Those are the surfaces above: the crate
//! `extism` and the C library, and the crate they share, binding. Below are crates without an engine:
//! manifest, policy, semantics, inspect, kernel (the block table), rewrite (the pass that turns kernel
//! memory calls into instructions) and http.
//!
//! Where to look: `source` fetches and checks bytes, `module` compiles and links them, `call` is
//! everything between [`Plugin::call`] and the guest, `kernel` and `host` are what guests import,
//! `limits` holds every bound that hosts set. ARCHITECTURE.md walks a call through these files.

mod artefact;
mod call;
mod compiled;
mod context;
mod engine;
mod error;
mod fork;
mod host;
mod inspect;
mod instance;
mod kernel;
mod limits;
mod log;
mod module;
mod options;
mod plugin;
mod pool;
mod source;
mod state;
mod stats;
mod sync;
mod wasi;
mod weak;

pub use artefact::precompile;
pub use call::cancel::{CancelHandle, NextCall};
pub use call::outcome::{CODE_FAILED, CODE_TRAP, Outcome};
pub use compiled::{CompiledPlugin, Loader};
pub use context::Context;
pub use engine::Profiling;
pub use error::Error;
pub use extism_abi::Status;
pub use extism_abi::import::{ENV_MODULE, LEGACY_MODULE, USER_MODULE};
pub use extism_inspect::{
    CustomSection, Era, ExportInspection, HostImport, ImportInspection, Inspection, Kind,
    MemoryInspection, ModuleInspection, Provider, TableInspection,
};
pub use extism_manifest as manifest;
pub use extism_semantics::{each_limit, is_module};
pub use host::context::CurrentPlugin;
pub use host::function::{HostFunction, SLOTS_MAX, Slot, Slots, ValueType};
pub use inspect::inspect;
pub use limits::{
    HTTP_RESPONSE_BYTES_DEFAULT, LimitNumber, Limits, VAR_OVERHEAD_BYTES, VARS_BYTES_DEFAULT,
};
pub use log::{Level, LogSink, Record};
pub use module::resolve::{FunctionImport, Resolve};
pub use options::{Cache, Debug, Options, Rewriting};
pub use plugin::Plugin;
pub use pool::{Lease, Pool, PoolOptions, PoolStats, Pooled};
pub use source::{Progress, ReadPointer, Source};
pub use stats::Stats;

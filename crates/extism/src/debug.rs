//! Help in finding faults, as a host asks for it.
//!
//! Must not know: what is done about it. Invariant: the defaults are those of the process's environment.

use std::path::PathBuf;

use extism_runtime::{Debug, Options, Profiling, Status};
use wasmtime::ProfilingStrategy;

use crate::CallError;

/// Help in finding faults, at a cost. The default is what the environment says: `EXTISM_DEBUG`,
/// `EXTISM_COREDUMP`, `EXTISM_MEMDUMP` and `EXTISM_PROFILE`.
///
/// ```
/// use extism::DebugOptions;
///
/// let options = DebugOptions { debug_info: true, ..DebugOptions::default() };
/// assert!(options.debug_info);
/// ```
#[derive(Clone, Debug)]
pub struct DebugOptions {
    /// Which profiler compiled code is announced to.
    pub profiling_strategy: ProfilingStrategy,
    /// Write a Wasm core dump to this file when a call traps.
    pub coredump: Option<PathBuf>,
    /// Write kernel memory to this file when a call fails.
    pub memdump: Option<PathBuf>,
    /// Compile so that native debuggers see the source.
    pub debug_info: bool,
}

impl Default for DebugOptions {
    fn default() -> DebugOptions {
        DebugOptions::from(Options::from_env().debug)
    }
}

impl From<Debug> for DebugOptions {
    fn from(debug: Debug) -> DebugOptions {
        DebugOptions {
            profiling_strategy: match debug.profiling {
                Profiling::None => ProfilingStrategy::None,
                Profiling::PerfMap => ProfilingStrategy::PerfMap,
                Profiling::JitDump => ProfilingStrategy::JitDump,
                Profiling::VTune => ProfilingStrategy::VTune,
            },
            coredump: debug.coredump,
            memdump: debug.memdump,
            debug_info: debug.debug_info,
        }
    }
}

impl DebugOptions {
    pub(crate) fn into_runtime(self) -> Result<Debug, CallError> {
        let profiling = match self.profiling_strategy {
            ProfilingStrategy::None => Profiling::None,
            ProfilingStrategy::PerfMap => Profiling::PerfMap,
            ProfilingStrategy::JitDump => Profiling::JitDump,
            ProfilingStrategy::VTune => Profiling::VTune,
            ProfilingStrategy::Pulley => {
                let text = "plug-ins are compiled: there is no interpreter to profile";
                return Err(CallError::new(Status::InvalidArgument, text));
            }
        };
        Ok(Debug {
            profiling,
            coredump: self.coredump,
            memdump: self.memdump,
            debug_info: self.debug_info,
        })
    }
}

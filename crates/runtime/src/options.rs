//! How a plug-in is to be loaded and run: everything a host can choose beside the manifest.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Limits;
use crate::engine::Profiling;
use crate::host::function::HostFunction;
use crate::log::LogSink;

/// What the host chooses for a plug-in. Start from [`Options::default`] and change what matters.
///
/// ```
/// use extism_runtime::{CompiledPlugin, Limits, Options};
///
/// let options = Options {
///     wasi: true,
///     limits: Limits::untrusted(),
///     ..Options::default()
/// };
/// let compiled = CompiledPlugin::new("(module)", options)?;
/// # Ok::<(), extism_runtime::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Options {
    /// Whether the plug-in may import WASI preview 1, and with it reach `allowed_paths`.
    pub wasi: bool,
    /// The functions plug-ins may import.
    pub functions: Vec<HostFunction>,
    /// The host's ceiling. A manifest may ask for less.
    pub limits: Limits,
    /// Fuel for each call; `None` does not count.
    pub fuel: Option<u64>,
    /// Fuel for making and initialising an instance; the fuel of a call if not given.
    pub fuel_for_start: Option<u64>,
    /// Whether the plug-in sees the headers of HTTP responses.
    pub http_response_headers: bool,
    /// Where the plug-in's log messages go, beside the process-wide log.
    pub log_sink: Option<LogSink>,
    /// Arguments a plug-in with WASI sees.
    pub wasi_args: Vec<String>,
    /// Environment variables a plug-in with WASI sees.
    pub wasi_env: Vec<(String, String)>,
    /// Whether standard output and error of a plug-in with WASI are those of the process.
    pub wasi_output: bool,
    /// Help in finding faults.
    pub debug: Debug,
    /// Whether compiled code is kept.
    pub cache: Cache,
    /// Whether machine code in precompiled artefacts is used. It is trusted as this library itself
    /// is: only for files nobody else can write.
    pub trust_artefacts: bool,
    /// Whether calls for kernel memory are turned into instructions. The results are the same; the
    /// fuel a call uses is not.
    pub rewrite: Rewriting,
    /// Options of the engine, for embedders who need to set some themselves. Such a plug-in shares
    /// nothing with others.
    pub engine: Option<Arc<wasmtime::Config>>,
}

impl Options {
    /// The defaults, changed as the documented `EXTISM_*` variables of this process's environment
    /// say. This is the only place of the library that reads the environment:
    ///
    /// - `EXTISM_CACHE_CONFIG`: keep compiled code on disk as this file says; set but empty, do not
    ///   keep it at all;
    /// - `EXTISM_DEBUG`: compile with debug information; `EXTISM_PROFILE`: `perf`, `jitdump` or `vtune`;
    /// - `EXTISM_COREDUMP`, `EXTISM_MEMDUMP`: the files dumps are written to;
    /// - `EXTISM_ENABLE_WASI_OUTPUT`: standard output and error of plug-ins are those of the process.
    pub fn from_env() -> Options {
        Options::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Options {
        Options {
            wasi_output: variable("EXTISM_ENABLE_WASI_OUTPUT").is_some(),
            debug: Debug {
                profiling: variable("EXTISM_PROFILE").map_or(Profiling::None, profiling),
                coredump: variable("EXTISM_COREDUMP").map(PathBuf::from),
                memdump: variable("EXTISM_MEMDUMP").map(PathBuf::from),
                debug_info: variable("EXTISM_DEBUG").is_some(),
            },
            cache: match variable("EXTISM_CACHE_CONFIG") {
                None => Cache::Process,
                Some(file) if file.is_empty() => Cache::Off,
                Some(file) => Cache::Disk(file.into()),
            },
            ..Options::default()
        }
    }
}

fn profiling(name: OsString) -> Profiling {
    match name.to_str() {
        Some("perf") => Profiling::PerfMap,
        Some("jitdump") => Profiling::JitDump,
        Some("vtune") => Profiling::VTune,
        _ => {
            tracing::warn!("EXTISM_PROFILE names no profiler: {}", name.display());
            Profiling::None
        }
    }
}

/// Help in finding faults, at a cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debug {
    /// Announce compiled code to a profiler.
    pub profiling: Profiling,
    /// Write a Wasm core dump to this file when a call traps.
    pub coredump: Option<PathBuf>,
    /// Write kernel memory to this file when a call fails.
    pub memdump: Option<PathBuf>,
    /// Compile so that native debuggers see the source.
    pub debug_info: bool,
}

/// Whether compiled code is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// In this process.
    #[default]
    Process,
    /// In this process and on disk, as this cache configuration file of the engine says. Whoever
    /// can write to the folder it names can run code in this process.
    Disk(PathBuf),
    /// Not at all.
    Off,
}

/// Whether calls for kernel memory are turned into instructions when a module is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rewriting {
    /// Yes, except where code offsets matter: with debug information, core dumps or profiling.
    #[default]
    Auto,
    /// No.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Options {
        Options::from_variables(|name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn each_variable_changes_one_option() {
        assert_eq!(with(&[]).cache, Cache::Process);
        assert_eq!(with(&[]).debug, Debug::default());
        assert!(!with(&[]).wasi_output);
        assert_eq!(with(&[("EXTISM_CACHE_CONFIG", "")]).cache, Cache::Off);
        let disk = Cache::Disk("a.toml".into());
        assert_eq!(with(&[("EXTISM_CACHE_CONFIG", "a.toml")]).cache, disk);
        assert!(with(&[("EXTISM_ENABLE_WASI_OUTPUT", "")]).wasi_output);
        let debug = with(&[
            ("EXTISM_DEBUG", "1"),
            ("EXTISM_PROFILE", "jitdump"),
            ("EXTISM_COREDUMP", "core"),
            ("EXTISM_MEMDUMP", "memory"),
        ]);
        let expected = Debug {
            profiling: Profiling::JitDump,
            coredump: Some("core".into()),
            memdump: Some("memory".into()),
            debug_info: true,
        };
        assert_eq!(debug.debug, expected);
        let unknown = with(&[("EXTISM_PROFILE", "stopwatch")]);
        assert_eq!(unknown.debug.profiling, Profiling::None);
    }
}

//! Looks into a source as it would be loaded.
//!
//! Must not know: what is found out, which is `extism-inspect`'s. Invariant: nothing is compiled, linked
//! or run, and what the host gives is what the options say that loading would give.

use extism_inspect::{Host, Inspection};

use crate::compiled::rewrite_of;
use crate::error::Error;
use crate::options::Options;
use crate::source::{self, LoadContext, Source};

/// Looks into a plug-in without compiling or running it. Files and downloads a manifest names are
/// fetched, and its hashes checked, within the limits of `options`.
///
/// ```
/// use extism_runtime::{Options, inspect};
///
/// let plugin = r#"(module
///     (import "extism:host/env" "output_set" (func (param i64 i64)))
///     (import "extism:host/user" "kv_read" (func (param i64) (result i64)))
///     (func (export "greet") (result i32) (i32.const 0)))"#;
/// let inspection = inspect(plugin, &Options::default())?;
/// assert_eq!(inspection.functions, ["greet"]);
/// assert_eq!(inspection.host_functions[0].to_string(), "extism:host/user::kv_read(i64) -> i64");
/// assert!(!inspection.wasi);
/// # Ok::<(), extism_runtime::Error>(())
/// ```
///
/// # Errors
/// What loading the source may give; [`Status::ModuleInvalid`](crate::Status::ModuleInvalid) if a
/// module is not valid by any rule of Wasm;
/// [`Status::ModuleUnsupported`](crate::Status::ModuleUnsupported) for a component. A module that
/// is valid but could not be linked, or uses a proposal this runtime leaves out, is inspected all
/// the same.
pub fn inspect<'a>(source: impl Into<Source<'a>>, options: &Options) -> Result<Inspection, Error> {
    let loaded = source::load(source.into(), &options.limits, LoadContext::default())?;
    let given = |namespace: &str, name: &str| {
        options
            .functions
            .iter()
            .any(|function| function.namespace() == namespace && function.name() == name)
    };
    let host = Host {
        given: &given,
        wasi: options.wasi,
        kernel_memory: rewrite_of(options, loaded.modules().len()).kernel_memory(),
    };
    Ok(extism_inspect::inspect(loaded.modules(), &host)?)
}

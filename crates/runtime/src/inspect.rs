//! What a plug-in is and needs, found out by reading it: nothing is compiled, linked or run.
//!
//! Must not know: the engine. What a module needs of its host is decided by the same rules as
//! linking, from the same tables. Invariant: any bytes give an [`Inspection`] or an error, within
//! memory bounded by the size of the modules; names come from the plug-in and are escaped wherever
//! people read them.

mod features;
mod language;
pub(crate) mod module;
pub(crate) mod provider;
mod reading;
mod signature;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use extism_abi::import::ENV_MODULE;
use serde::Serialize;

use module::{ImportInspection, ModuleInspection};
use provider::Provider;

use crate::compiled::rewrite_of;
use crate::error::Error;
use crate::module::compile::{Rewritten, rewritten};
use crate::options::Options;
use crate::source::{self, LoadContext, MAIN, Source};

/// A plug-in, looked into. It can be printed for people, and [`to_json`](Inspection::to_json) is
/// for programs.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The functions of the main module that can be called, in the module's order. What language
    /// runtimes export for their own use is left out.
    pub functions: Vec<String>,
    /// Which generation of kits for plug-ins it was built with, told by its imports.
    pub era: Era,
    /// Whether a module imports from WASI preview 1.
    pub wasi: bool,
    /// The functions the host must provide, sorted; each once, whatever the number of modules that import it.
    pub host_functions: Vec<HostImport>,
    /// The language the main module was probably written in.
    pub language: Option<String>,
    /// The kit for plug-ins the main module was probably built with, with its version where that can be told.
    pub pdk: Option<String>,
    /// The modules in the order of the manifest.
    pub modules: Vec<ModuleInspection>,
}

/// Under which names a plug-in imports the kernel functions and the builtins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Era {
    /// From `extism:host/env`.
    #[serde(rename = "1.x")]
    Current,
    /// From `env`, with names that begin with `extism_`: the kits of the 0.1 to 0.5 era.
    #[serde(rename = "0.1")]
    Legacy,
    /// From both.
    #[serde(rename = "both")]
    Both,
    /// It imports none of them.
    #[serde(rename = "none")]
    None,
}

/// A function the host must provide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct HostImport {
    /// The namespace it is imported from.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The types of its parameters, such as `i64`.
    pub params: Vec<String>,
    /// The types of its results.
    pub results: Vec<String>,
}

/// Looks into a plug-in without compiling or running it. Files and downloads a manifest names are
/// fetched, and its hashes checked, within the limits of `options`.
///
/// # Errors
/// What loading the source may give; [`Status::ModuleInvalid`](crate::Status::ModuleInvalid) if a
/// module is not valid by any rule of Wasm;
/// [`Status::ModuleUnsupported`](crate::Status::ModuleUnsupported) for a component. A module that
/// is valid but could not be linked, or uses a proposal this runtime leaves out, is inspected all
/// the same.
pub fn inspect<'a>(source: impl Into<Source<'a>>, options: &Options) -> Result<Inspection, Error> {
    let loaded = source::load(source.into(), &options.limits, LoadContext::default())?;
    let rewrite = rewrite_of(options, loaded.modules().len());
    let mut modules = Vec::with_capacity(loaded.modules().len());
    for (name, bytes) in loaded.modules() {
        let mut inspected = reading::parse(name, bytes)?;
        inspected.rewriting = match rewritten(bytes, rewrite).1 {
            Rewritten::Off => "off".to_owned(),
            Rewritten::Yes(_) => "yes".to_owned(),
            Rewritten::Declined(reason) => format!("declined: {reason}"),
        };
        modules.push(inspected);
    }
    let given = |namespace: &str, name: &str| {
        options
            .functions
            .iter()
            .any(|function| function.namespace() == namespace && function.name() == name)
    };
    provider::classify(&mut modules, &given, options.wasi);
    Ok(Inspection::of(modules))
}

impl Inspection {
    /// Draws the facts about the plug-in from those about its modules.
    fn of(modules: Vec<ModuleInspection>) -> Inspection {
        let main = modules.iter().find(|module| module.name == MAIN);
        let wasi = imports(&modules).any(|import| import.provider == Provider::Wasi);
        Inspection {
            functions: main.map(callable).unwrap_or_default(),
            era: era(&modules),
            wasi,
            host_functions: host_functions(&modules),
            language: main.and_then(|main| main.language.clone()),
            pdk: main.and_then(|main| main.pdk.clone()),
            modules,
        }
    }

    /// All of it as JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("text, numbers and lists with names as keys are always JSON")
    }
}

fn imports(modules: &[ModuleInspection]) -> impl Iterator<Item = &ImportInspection> {
    modules.iter().flat_map(|module| &module.imports)
}

fn era(modules: &[ModuleInspection]) -> Era {
    let ours = |import: &&ImportInspection| {
        matches!(import.provider, Provider::Kernel | Provider::Builtin)
    };
    let (current, legacy): (Vec<_>, Vec<_>) = imports(modules)
        .filter(ours)
        .partition(|import| import.module == ENV_MODULE);
    match (current.is_empty(), legacy.is_empty()) {
        (false, true) => Era::Current,
        (true, false) => Era::Legacy,
        (false, false) => Era::Both,
        (true, true) => Era::None,
    }
}

fn host_functions(modules: &[ModuleInspection]) -> Vec<HostImport> {
    let functions: BTreeSet<HostImport> = imports(modules)
        .filter(|import| import.provider == Provider::Host)
        .filter_map(|import| {
            let signature = import.signature.as_ref()?;
            Some(HostImport {
                namespace: import.module.clone(),
                name: import.name.clone(),
                params: signature.params.clone(),
                results: signature.results.clone(),
            })
        })
        .collect();
    functions.into_iter().collect()
}

/// What language runtimes export for themselves, or for the runtime to call once, although it could
/// be called.
const RUNTIME_EXPORTS: &[&str] = &[
    "_initialize",
    "hs_exit",
    "hs_init",
    "hs_perform_gc",
    "go_scheduler",
    "resume",
    "stackSave",
    "__collect",
];

/// Beginnings of names that toolchains reserve: constructors and destructors, threads, exceptions,
/// stack switching, pre-initialisation.
const RUNTIME_PREFIXES: &[&str] = &[
    "__wasm_",
    "asyncify_",
    "emscripten_",
    "_emscripten_",
    "wizer.",
];

fn callable(main: &ModuleInspection) -> Vec<String> {
    let of_runtime = |name: &str| {
        RUNTIME_EXPORTS.contains(&name)
            || RUNTIME_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    main.exports
        .iter()
        .filter(|export| export.kind == "function" && signature::is_callable(&export.ty))
        .filter(|export| !of_runtime(&export.name))
        .map(|export| export.name.clone())
        .collect()
}

//! What a plug-in is and needs, found out by reading it: nothing is compiled, linked or run.
//!
//! Must not know: engines, and where modules come from. What a module needs of its host is decided by
//! the same rules as linking, from the same tables. Invariant: any bytes give an [`Inspection`] or an
//! error, within memory bounded by the size of the modules; names come from the plug-in and are escaped
//! wherever people read them.

mod features;
mod language;
mod module;
mod provider;
mod reading;
mod signature;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use extism_abi::import::ENV_MODULE;
use extism_rewrite::KernelMemory;
use extism_semantics::{Fault, MAIN};
use serde::Serialize;

pub use module::{
    CustomSection, ExportInspection, ImportInspection, Kind, MemoryInspection, ModuleInspection,
    TableInspection,
};
pub use provider::Provider;

/// What a plug-in is looked at for: what the host that would load it gives it.
pub struct Host<'a> {
    /// Whether the host adds a function of this namespace and name.
    pub given: &'a dyn Fn(&str, &str) -> bool,
    /// Whether it grants WASI.
    pub wasi: bool,
    /// How the rewriting pass would give the modules kernel memory, if it would run.
    pub kernel_memory: Option<KernelMemory>,
}

/// A plug-in, looked into. It can be printed for people, and [`to_json`](Inspection::to_json) is
/// for programs.
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

/// Looks into the modules of a plug-in, each with its name, in the order of the manifest. A module that
/// is valid but could not be linked, or uses a proposal no engine has, is inspected all the same.
///
/// # Errors
/// [`Status::ModuleInvalid`](extism_abi::Status::ModuleInvalid) if a module is not valid by any rule of
/// Wasm; [`Status::ModuleUnsupported`](extism_abi::Status::ModuleUnsupported) for a component.
pub fn inspect<'a>(
    modules: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    host: &Host<'_>,
) -> Result<Inspection, Fault> {
    let modules = modules.into_iter().map(|(name, bytes)| {
        let mut module = reading::parse(name, bytes)?;
        module.rewriting = rewriting(bytes, host.kernel_memory);
        Ok(module)
    });
    let mut modules = modules.collect::<Result<Vec<_>, Fault>>()?;
    provider::classify(&mut modules, host.given, host.wasi);
    Ok(Inspection::of(modules))
}

/// What the rewriting pass would make of a module, in words.
fn rewriting(wasm: &[u8], kernel_memory: Option<KernelMemory>) -> String {
    let Some(kernel_memory) = kernel_memory else {
        return "off".to_owned();
    };
    let options = extism_rewrite::Options {
        kernel_memory,
        keep: &|_| false,
    };
    match extism_rewrite::rewrite(wasm, &options) {
        Ok(_) => "yes".to_owned(),
        Err(declined) => format!("declined: {}", declined.reason),
    }
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

//! Which import of which module is answered by what.
//!
//! Must not know: how an engine links. Keeps: everything that can be known before an instance exists is
//! checked here, so that a plug-in that cannot be linked fails when it is compiled, with a message that
//! names the import.

use std::fmt;

use extism_abi::Status;
use extism_abi::import::{
    BUILTINS, ENV_MODULE, KERNEL, LEGACY_MODULE, LEGACY_ONLY, LEGACY_PREFIX, USER_MODULE,
    WASI_MODULE,
};
use extism_abi::layout::KERNEL_MEMORY_IMPORT;

use crate::{Fault, MAIN};

/// One import of a module.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// The module it is imported from.
    pub module: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// The type, for messages, if it is a function.
    pub function: Option<&'a dyn fmt::Display>,
}

/// Whether a host function of this namespace takes the place of a kernel function or a builtin: then the
/// rewriting pass must leave calls what they are.
pub fn overrides_kernel(namespace: &str) -> bool {
    [ENV_MODULE, LEGACY_MODULE].contains(&namespace)
}

/// What an import can be answered by. Modules are numbered from 0.
pub trait Links {
    /// How many modules there are.
    fn modules(&self) -> usize;
    /// The name of a module.
    fn name(&self, module: usize) -> &str;
    /// Whether a module exports anything of this name.
    fn exports(&self, module: usize, name: &str) -> bool;
    /// Whether the rewriting pass has given a module an import of kernel memory.
    fn imports_kernel_memory(&self, module: usize) -> bool;
    /// Whether the host has a function of this name in this namespace.
    fn by_host(&self, namespace: &str, name: &str) -> bool;
    /// Whether WASI is granted.
    fn wasi(&self) -> bool;
}

/// What answers an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel, a builtin, kernel memory, WASI or a host function, under the names it is imported by.
    Host,
    /// A host function of the namespace [`USER_MODULE`], although the import says `env`.
    User,
    /// Another module, under its name.
    Module(usize),
    /// Another module, although the import says `env`, as 0.1 allowed.
    AnyModule(usize),
}

/// Finds the answer for an import of one of the modules.
///
/// # Errors
/// [`Status::ImportUnknown`], [`Status::ImportType`].
pub fn answer(import: Import<'_>, importer: usize, links: &impl Links) -> Result<Answer, Fault> {
    let (from, name) = (import.module, import.name);
    if (from, name) == KERNEL_MEMORY_IMPORT {
        // Only the rewriting pass may put kernel memory where instructions reach it.
        return match links.imports_kernel_memory(importer) {
            true => Ok(Answer::Host),
            false => Err(unknown(from, name)),
        };
    }
    if links.by_host(from, name) {
        return Ok(Answer::Host);
    }
    if from == ENV_MODULE {
        return kernel_import(import).map(|()| Answer::Host);
    }
    let legacy = name.strip_prefix(LEGACY_PREFIX);
    if from == LEGACY_MODULE && legacy.is_some_and(is_legacy_import) {
        return Ok(Answer::Host);
    }
    if from == WASI_MODULE && links.wasi() {
        return Ok(Answer::Host);
    }
    let modules = || 0..links.modules();
    if let Some(exporter) = modules().find(|module| links.name(*module) == from) {
        // A module that imports from itself is told so, whatever it exports.
        return match exporter == importer || links.exports(exporter, name) {
            true => Ok(Answer::Module(exporter)),
            false => Err(unknown(from, name)),
        };
    }
    if from == LEGACY_MODULE {
        if links.by_host(USER_MODULE, name) {
            return Ok(Answer::User);
        }
        let exporter = modules().find(|module| {
            *module != importer && links.name(*module) != MAIN && links.exports(*module, name)
        });
        if let Some(exporter) = exporter {
            return Ok(Answer::AnyModule(exporter));
        }
    }
    Err(unknown(from, name))
}

/// Checks what a module is, by what it exports.
///
/// # Errors
/// [`Status::CommandAndReactor`].
pub fn check_kind(exports_function: impl Fn(&str) -> bool) -> Result<(), Fault> {
    if exports_function("_start") && exports_function("_initialize") {
        let text = "Program cannot be both a Command and a Reactor";
        return Err(Fault::new(Status::CommandAndReactor, text));
    }
    Ok(())
}

fn kernel_import(import: Import<'_>) -> Result<(), Fault> {
    let Some(ty) = import.function else {
        let text = "linked modules cannot access non-function exports of extism kernel";
        return Err(Fault::new(Status::ImportType, text));
    };
    let known =
        |table: &[extism_abi::import::Import]| table.iter().any(|known| known.name == import.name);
    if known(KERNEL) || known(BUILTINS) {
        return Ok(());
    }
    let text = format!(
        "Invalid function import from {ENV_MODULE}: {} {ty}\n\nNote: This may indicate that the PDK that was used to \
         build this plugin has additional features that aren't available in this version of the SDK, try updating \
         the SDK to the latest version.",
        import.name
    );
    Err(Fault::new(Status::ImportUnknown, text))
}

fn is_legacy_import(name: &str) -> bool {
    [KERNEL, BUILTINS, LEGACY_ONLY]
        .iter()
        .any(|table| table.iter().any(|known| known.name == name))
}

fn unknown(from: &str, name: &str) -> Fault {
    let text = format!("unknown import: `{from}::{name}` has not been defined");
    let hint = match from {
        WASI_MODULE => "the plug-in uses WASI: load it with WASI enabled".to_owned(),
        _ if from.starts_with("wbg") || from.starts_with("__wbindgen") => {
            "the module was made by wasm-bindgen for a browser: build it without, for wasm32-unknown-unknown or \
             wasm32-wasip1"
                .to_owned()
        }
        LEGACY_MODULE if name == "abort" => {
            "give the host function `abort` in namespace `env`, or build the AssemblyScript module with \
             `--use abort=` and a function of its own"
                .to_owned()
        }
        _ => format!(
            "give a host function `{name}` in namespace `{from}`, or a module named `{from}` in the manifest"
        ),
    };
    Fault::new(Status::ImportUnknown, format!("{text}\n\nNote: {hint}."))
}
